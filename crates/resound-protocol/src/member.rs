//! Users: members of presence channels, and signed-in users.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A member of a presence channel, as the application signed it in `channel_data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who it is. `1` and `"1"` are the same user, as with Reverb.
    pub user_id: Box<str>,
    /// The id's JSON as it came: a string or a number.
    pub user_id_json: Box<str>,
    /// What the application says of the user: any JSON; absent if it says nothing.
    pub user_info_json: Option<Box<str>>,
}

/// A user as the application signed it in `user_data` of `pusher:signin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who it is: never empty.
    pub id: Box<str>,
    /// What the application says of the user.
    pub user_info_json: Option<Box<str>>,
    /// The users whose coming and going this user wants to know.
    pub watchlist: Vec<Box<str>>,
}

/// Why signed data names no user.
#[derive(Debug, thiserror::Error)]
pub enum UserFault {
    /// Not JSON, or a field of a wrong type.
    #[error("{0} is not the JSON of a user: {1}")]
    Json(&'static str, serde_json::Error),
    /// The id is missing, empty, or neither a string nor a whole number.
    #[error("{0} has no id: it needs {1}, a string that is not empty")]
    Id(&'static str, &'static str),
}

#[derive(Deserialize)]
struct ChannelData<'a> {
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    user_info: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct UserData<'a> {
    id: Option<serde_json::Value>,
    #[serde(borrow)]
    user_info: Option<&'a RawValue>,
    #[serde(borrow)]
    watchlist: Option<Vec<&'a RawValue>>,
}

impl Member {
    /// Reads `channel_data`.
    ///
    /// # Errors
    /// If it is not JSON or has no `user_id` that is a string or a whole number. A missing
    /// `user_info` is none: Laravel leaves it out when the callback returned something falsy.
    pub fn parse(channel_data: &str) -> Result<Self, UserFault> {
        let data: ChannelData<'_> =
            serde_json::from_str(channel_data).map_err(|e| UserFault::Json("channel_data", e))?;
        let fault = UserFault::Id("channel_data", "user_id");
        let Some(json) = data.user_id.map(RawValue::get) else {
            return Err(fault);
        };
        let Some(user_id) = id_text(json) else {
            return Err(fault);
        };
        Ok(Self {
            user_id: user_id.into(),
            user_id_json: json.into(),
            user_info_json: data.user_info.map(|raw| raw.get().into()),
        })
    }

    /// The member that a signed-in user is when a subscription has no `channel_data` of its own.
    pub fn of(user: &User) -> Self {
        Self {
            user_id: user.id.clone(),
            user_id_json: serde_json::Value::from(&*user.id).to_string().into(),
            user_info_json: user.user_info_json.clone(),
        }
    }
}

impl User {
    /// Reads `user_data`.
    ///
    /// # Errors
    /// If it is not JSON or has no `id` that is a string: pusher-js takes no other.
    pub fn parse(user_data: &str) -> Result<Self, UserFault> {
        let data: UserData<'_> =
            serde_json::from_str(user_data).map_err(|e| UserFault::Json("user_data", e))?;
        match data.id {
            Some(serde_json::Value::String(id)) if !id.is_empty() => Ok(Self {
                id: id.into(),
                user_info_json: data.user_info.map(|raw| raw.get().into()),
                watchlist: watchlist(&data.watchlist.unwrap_or_default()),
            }),
            _ => Err(UserFault::Id("user_data", "id")),
        }
    }
}

/// The ids to watch. One that is a number is meant as its text; what is no id watches nobody.
fn watchlist(ids: &[&RawValue]) -> Vec<Box<str>> {
    ids.iter().filter_map(|id| id_text(id.get())).map(Into::into).collect()
}

fn id_text(json: &str) -> Option<String> {
    if json.starts_with('"') {
        return serde_json::from_str(json).ok().filter(|id: &String| !id.is_empty());
    }
    let number: serde_json::Number = serde_json::from_str(json).ok()?;
    (number.is_i64() || number.is_u64()).then(|| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_the_form_of_their_id_and_info() {
        let member = Member::parse(r#"{"user_id": 7, "user_info": {"n": 1.0}}"#).expect("a member");
        assert_eq!((&*member.user_id, &*member.user_id_json), ("7", "7"));
        assert_eq!(member.user_info_json.as_deref(), Some(r#"{"n": 1.0}"#));
        let member = Member::parse(r#"{"user_id":"7"}"#).expect("a member");
        assert_eq!((&*member.user_id, &*member.user_id_json), ("7", r#""7""#));
        assert_eq!(member.user_info_json, None);
    }

    #[test]
    fn data_without_a_user_is_refused() {
        for data in ["", "7", "{}", r#"{"user_id":""}"#, r#"{"user_id":1.5}"#, r#"{"user_id":[]}"#]
        {
            assert!(Member::parse(data).is_err(), "{data}");
        }
        for data in ["", "{}", r#"{"id":7}"#, r#"{"id":""}"#, r#"{"id":"7","watchlist":"8"}"#] {
            assert!(User::parse(data).is_err(), "{data}");
        }
    }

    #[test]
    fn a_signed_in_user_is_a_member_without_channel_data() {
        let user =
            User::parse(r#"{"id":"a\"b","user_info":{"name":"Zoë"},"watchlist":["8",9,null]}"#)
                .expect("a user");
        assert_eq!(user.watchlist, ["8".into(), "9".into()]);
        let member = Member::of(&user);
        assert_eq!(&*member.user_id_json, r#""a\"b""#);
        assert_eq!(member.user_info_json.as_deref(), Some(r#"{"name":"Zoë"}"#));
    }
}
