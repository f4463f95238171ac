//! Who is in a presence channel.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// A member of a presence channel: a user, with however many connections.
///
/// ```
/// use resound_client::Member;
///
/// let member = Member::new("7", serde_json::json!({ "name": "Zoë" }));
/// assert_eq!(member.id, "7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The user's id, which applications also send as a number.
    pub id: String,
    /// What the application tells about the user; `null` if nothing.
    pub info: Value,
}

impl Member {
    /// A member with this id and what is told about it.
    pub fn new(id: impl Into<String>, info: Value) -> Self {
        Self { id: id.into(), info }
    }

    /// Reads what is told about the member.
    ///
    /// # Errors
    /// What serde says about it.
    ///
    /// ```
    /// # use resound_client::Member;
    /// #[derive(serde::Deserialize)]
    /// struct User {
    ///     name: String,
    /// }
    /// let member = Member::new("7", serde_json::json!({ "name": "Zoë" }));
    /// assert_eq!(member.info::<User>()?.name, "Zoë");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn info<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        T::deserialize(&self.info)
    }
}

/// The list of one channel, in the order in which members came.
#[derive(Debug, Default)]
pub(crate) struct Members(Vec<Member>);

#[derive(Deserialize)]
struct Succeeded {
    presence: Presence,
}

#[derive(Deserialize)]
struct Presence {
    #[serde(default)]
    ids: Vec<Value>,
    /// An empty one is an array if PHP has written it.
    #[serde(default)]
    hash: Value,
}

#[derive(Deserialize)]
struct Changed {
    user_id: Value,
    #[serde(default)]
    user_info: Value,
}

impl Members {
    /// Reads the data of `subscription_succeeded`; without a list nobody is there.
    pub(crate) fn parse(data: &str) -> Self {
        let Ok(Succeeded { presence }) = serde_json::from_str(data) else { return Self::default() };
        let mut infos = match presence.hash {
            Value::Object(infos) => infos,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        };
        let mut members = Vec::new();
        for id in presence.ids.iter().filter_map(id) {
            if let Some(info) = infos.remove(&id) {
                members.push(Member { id, info });
            }
        }
        members.extend(infos.into_iter().map(|(id, info)| Member { id, info }));
        Self(members)
    }

    pub(crate) fn list(&self) -> Vec<Member> {
        self.0.clone()
    }

    /// Takes the data of `member_added`; `None` if that member is in the list, or it is no member.
    pub(crate) fn add(&mut self, data: &str) -> Option<Member> {
        let changed: Changed = serde_json::from_str(data).ok()?;
        let member = Member { id: id(&changed.user_id)?, info: changed.user_info };
        if self.0.iter().any(|other| other.id == member.id) {
            return None;
        }
        self.0.push(member.clone());
        Some(member)
    }

    /// Takes the data of `member_removed`; `None` if that member is not in the list.
    pub(crate) fn remove(&mut self, data: &str) -> Option<Member> {
        let changed: Changed = serde_json::from_str(data).ok()?;
        let id = id(&changed.user_id)?;
        let at = self.0.iter().position(|member| member.id == id)?;
        Some(self.0.remove(at))
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// An id as text: `7` and `"7"` are one user.
pub(crate) fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(members: &Members) -> Vec<String> {
        members.list().into_iter().map(|member| member.id).collect()
    }

    #[test]
    fn the_list_is_kept_as_members_come_and_go() {
        let mut members = Members::parse(
            r#"{"presence":{"count":2,"ids":["8",7],"hash":{"7":{"name":"Zoë"},"8":null}}}"#,
        );
        assert_eq!(ids(&members), ["8", "7"]);
        let added = members.add(r#"{"user_id":9,"user_info":[1]}"#).expect("a new one");
        assert_eq!(added, Member::new("9", json!([1])));
        assert_eq!(members.add(r#"{"user_id":"9"}"#), None);
        let removed = members.remove(r#"{"user_id":"7"}"#).expect("it was there");
        assert_eq!(removed, Member::new("7", json!({ "name": "Zoë" })));
        assert_eq!(members.remove(r#"{"user_id":"7"}"#), None);
        assert_eq!(ids(&members), ["8", "9"]);
    }

    #[test]
    fn an_empty_list_of_php_and_no_list_are_nobody() {
        for data in [r#"{"presence":{"count":0,"ids":[],"hash":[]}}"#, "{}", "", "[]"] {
            assert!(ids(&Members::parse(data)).is_empty(), "{data}");
        }
    }
}
