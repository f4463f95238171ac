//! Who joins.

use serde::{Serialize, Serializer};

use crate::json;

/// A user's id: a text or a whole number. Clients of Pusher get the text of either.
///
/// ```
/// use resound::channels::UserId;
///
/// assert_eq!(UserId::from(7u64).to_string(), "7");
/// assert_eq!(UserId::from("ann").to_string(), "ann");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UserId {
    /// A number; ids of databases are signed.
    Number(i64),
    /// A text.
    Text(String),
}

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(id) => write!(f, "{id}"),
            Self::Text(id) => f.write_str(id),
        }
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(id) => serializer.serialize_i64(*id),
            Self::Text(id) => serializer.serialize_str(id),
        }
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl From<$number> for UserId {
            fn from(id: $number) -> Self {
                // What is larger than a signed number of 64 bits is no number to other databases either.
                i64::try_from(id).map_or_else(|_| Self::Text(id.to_string()), Self::Number)
            }
        }
    )*};
}

numbers!(u64 i64 u32 i32 u16 i16 u8 i8 usize isize);

impl From<&str> for UserId {
    fn from(id: &str) -> Self {
        Self::Text(id.to_owned())
    }
}

impl From<String> for UserId {
    fn from(id: String) -> Self {
        Self::Text(id)
    }
}

impl From<&String> for UserId {
    fn from(id: &String) -> Self {
        Self::Text(id.clone())
    }
}

/// A member of a presence channel.
///
/// ```
/// use resound::Member;
/// use serde_json::json;
///
/// let member = Member::new(7).info(json!({ "name": "Ann" }));
/// # let _ = member;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub(crate) id: UserId,
    /// JSON, or why it could not be written.
    pub(crate) info: Result<String, String>,
}

impl Member {
    /// A member of whom others learn the id only; Echo's `here` lists them as `true`.
    ///
    /// ```
    /// use resound::Member;
    ///
    /// let by_number = Member::new(7);
    /// let by_text = Member::new("9b1deb4d");
    /// assert_ne!(by_number, by_text);
    /// ```
    pub fn new(id: impl Into<UserId>) -> Self {
        Self { id: id.into(), info: Ok("true".to_owned()) }
    }

    /// Sets what others learn of the member: what Echo gives to `here`, `joining` and `leaving`.
    ///
    /// ```
    /// use resound::Member;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Profile { name: &'static str }
    ///
    /// // Echo.join('room.1').here((users) => users[0].name)
    /// let member = Member::new(7).info(Profile { name: "Ann" });
    /// # assert_ne!(member, Member::new(7));
    /// ```
    pub fn info(mut self, info: impl Serialize) -> Self {
        self.info = json::encode(&info).map_err(|error| error.to_string());
        self
    }
}

/// A user as whom a connection is signed in.
///
/// ```
/// use resound::channels::SignedInUser;
/// use serde_json::json;
///
/// let user = SignedInUser::new(7).info(json!({ "name": "Ann" })).watchlist(["8", "9"]);
/// # let _ = user;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedInUser {
    pub(crate) id: UserId,
    /// JSON, or why it could not be written.
    pub(crate) info: Option<Result<String, String>>,
    pub(crate) watchlist: Vec<UserId>,
}

impl SignedInUser {
    /// A user of whom only the id is told.
    ///
    /// ```
    /// use resound::channels::SignedInUser;
    ///
    /// let user = SignedInUser::new(7);
    /// # assert_ne!(user, SignedInUser::new(8));
    /// ```
    pub fn new(id: impl Into<UserId>) -> Self {
        Self { id: id.into(), info: None, watchlist: Vec::new() }
    }

    /// Sets what is told of the user.
    ///
    /// ```
    /// use resound::channels::SignedInUser;
    /// use serde_json::json;
    ///
    /// let user = SignedInUser::new(7).info(json!({ "name": "Ann" }));
    /// # assert_ne!(user, SignedInUser::new(7));
    /// ```
    pub fn info(mut self, info: impl Serialize) -> Self {
        self.info = Some(json::encode(&info).map_err(|error| error.to_string()));
        self
    }

    /// Sets the users whose coming and going this one wants to know.
    ///
    /// ```
    /// use resound::channels::SignedInUser;
    ///
    /// let friends = [8, 9];
    /// let user = SignedInUser::new(7).watchlist(friends);
    /// # assert_ne!(user, SignedInUser::new(7));
    /// ```
    pub fn watchlist(mut self, ids: impl IntoIterator<Item = impl Into<UserId>>) -> Self {
        self.watchlist = ids.into_iter().map(Into::into).collect();
        self
    }
}
