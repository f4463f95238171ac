//! Functions as hooks: the handlers of channels, with an event where those have a user.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use resound_protocol::webhook::{Kind, What};
use serde::de::DeserializeOwned;

use crate::{
    channels::{
        Denial, Handler, Joining, Params,
        handler::erase,
        pattern::{Pattern, strip_prefix},
    },
    hooks::event::{
        CacheMiss, ClientEvent, Happening, Joined, Left, Occupied, SubscriptionCount, Vacated,
    },
    socket::SocketId,
};

/// What a hook may give: nothing, or a `Result` of it, whose error is logged.
///
/// ```
/// use resound::{Hooks, Path, hooks::Left};
///
/// async fn seen(member: Left, Path(room): Path<u64>) -> Result<(), std::num::ParseIntError> {
///     let user: u64 = member.user_id.parse()?; // goes to the log
///     println!("{user} was in room {room}");
///     Ok(())
/// }
/// let hooks = Hooks::<()>::new().on_leave("room.{id}", seen);
/// assert_eq!(format!("{hooks:?}"), r#"["member_removed room.{id}"]"#);
/// ```
pub trait HookResult {
    /// Why the hook failed, if it did.
    #[doc(hidden)]
    fn into_result(self) -> Result<(), String>;
}

impl HookResult for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: fmt::Display> HookResult for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| format!("{error:#}"))
    }
}

/// Why a hook was not called, or failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// What a client said is not what the hook wants.
    Data(String),
    /// An argument was not to be had, or the hook itself failed.
    Failed(Denial),
}

/// A call, later.
pub(super) type Calling = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// A handler whose types are forgotten.
type Call<S> = Arc<dyn Fn(&Happening, Params<'_>, &S) -> Calling + Send + Sync>;

/// A handler, and what it wants to hear of.
pub(super) struct Hook<S> {
    kind: Kind,
    /// The event of a client, with `client-`.
    event: Option<Box<str>>,
    pattern: Pattern,
    call: Call<S>,
}

impl<S: 'static> Hook<S> {
    pub(super) fn new<T, H, A>(pattern: Pattern, kind: Kind, handler: H) -> Self
    where
        T: FromHappening + 'static,
        H: Handler<S, T, A>,
        H::Output: HookResult,
    {
        let call = erase(handler, HookResult::into_result);
        let call = move |happening: &Happening, params: Params<'_>, state: &S| -> Calling {
            match T::from_happening(happening) {
                Ok(event) => {
                    let calling = call(event, &place(happening), params, state);
                    Box::pin(async move { calling.await.map_err(Fault::Failed) })
                }
                Err(reason) => Box::pin(std::future::ready(Err(Fault::Data(reason)))),
            }
        };
        Self { kind, event: None, pattern, call: Arc::new(call) }
    }

    pub(super) fn of_event(mut self, name: &str) -> Self {
        let prefix = if name.starts_with("client-") { "" } else { "client-" };
        self.event = Some(format!("{prefix}{name}").into());
        self
    }

    /// What it is called in the log.
    pub(super) fn name(&self) -> String {
        let pattern = self.pattern.as_str();
        match &self.event {
            Some(event) => format!("{} {event} {pattern}", self.kind.name()),
            None => format!("{} {pattern}", self.kind.name()),
        }
    }

    /// Whether it is to be called.
    pub(super) fn wants(&self, happening: &Happening) -> bool {
        let is_event = match (&self.event, &happening.what) {
            (Some(wanted), What::ClientEvent { event, .. }) => **wanted == **event,
            _ => true,
        };
        self.kind == happening.what.kind()
            && is_event
            && self.pattern.parameters(name_of(&happening.channel)).is_some()
    }

    /// Calls it.
    pub(super) fn call(&self, happening: &Happening, state: &S) -> Calling {
        let pairs = self.pattern.parameters(name_of(&happening.channel)).unwrap_or_default();
        let params = Params { pattern: self.pattern.as_str(), pairs: &pairs };
        (self.call)(happening, params, state)
    }
}

/// The name that patterns are compared with.
fn name_of(channel: &str) -> &str {
    strip_prefix(channel).unwrap_or(channel)
}

/// Where it happens, for the arguments that handlers of channels have, too.
fn place(happening: &Happening) -> Joining {
    let mut place = Joining::new(&*happening.channel);
    if let What::ClientEvent { socket_id, .. } = &happening.what {
        place.socket = SocketId::from(socket_id);
    }
    place
}

/// What a hook is told, out of what has happened. [`Joined`], [`ClientEvent`] and the others implement it.
///
/// ```
/// use resound::hooks::{ClientEvent, FromHappening, Joined, Left};
///
/// fn a_hook_takes<T: FromHappening>() {}
/// a_hook_takes::<Joined>();
/// a_hook_takes::<Left>();
/// a_hook_takes::<ClientEvent<String>>(); // with what the application reads of a client's data
/// ```
pub trait FromHappening: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with a client's data.
    #[doc(hidden)]
    fn from_happening(happening: &Happening) -> Result<Self, String>;
}

/// Hooks are kept by their kind, so that this can't happen.
fn other_kind<T>() -> Result<T, String> {
    Err("it is of another kind".to_owned())
}

macro_rules! plain {
    ($($event:ident $(($field:ident))? of $what:ident)*) => {$(
        impl FromHappening for $event {
            fn from_happening(happening: &Happening) -> Result<Self, String> {
                let Happening { channel, what, time_ms } = happening.clone();
                match what {
                    What::$what $({ $field })? => Ok(Self { $($field,)? channel, time_ms }),
                    _ => other_kind(),
                }
            }
        }
    )*};
}

mod plain {
    use super::*;

    plain! {
        Joined(user_id) of MemberAdded
        Left(user_id) of MemberRemoved
        Occupied of ChannelOccupied
        Vacated of ChannelVacated
        CacheMiss of CacheMiss
        SubscriptionCount(count) of SubscriptionCount
    }
}

impl<T: DeserializeOwned> FromHappening for ClientEvent<T> {
    fn from_happening(happening: &Happening) -> Result<Self, String> {
        let Happening { channel, what, time_ms } = happening.clone();
        let What::ClientEvent { event: name, data, socket_id, user_id } = what else {
            return other_kind();
        };
        let data = data_of(&data)?;
        Ok(Self { name, data, socket: SocketId::from(socket_id), user_id, channel, time_ms })
    }
}

/// Reads data: JSON, or a text as it is, since a client's string loses its quotes on the way.
fn data_of<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json);
    let read = read.map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner();
        if path == "." { reason.to_string() } else { format!("{path}: {reason}") }
    });
    let read = read.and_then(|data| json.end().map(|()| data).map_err(|error| error.to_string()));
    read.or_else(|reason| {
        let text = serde_json::Value::String(text.to_owned());
        serde_json::from_value(text).map_err(|_| reason)
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Typing {
        at: Place,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Place {
        line: u32,
    }

    #[test]
    fn data_are_json_or_a_text() {
        assert_eq!(data_of::<Typing>(r#"{"at":{"line":3}}"#), Ok(Typing { at: Place { line: 3 } }));
        assert_eq!(data_of::<String>("hello"), Ok("hello".to_owned()));
        assert_eq!(data_of::<String>("5"), Ok("5".to_owned()));
        assert_eq!(data_of::<u32>("5"), Ok(5));
        assert_eq!(data_of::<()>("null"), Ok(()));
        assert_eq!(data_of::<String>("{} {}"), Ok("{} {}".to_owned()));
        assert_eq!(data_of::<serde_json::Value>("a b"), Ok(serde_json::json!("a b")));
    }

    #[test]
    fn what_is_wrong_with_data_is_said_with_the_field() {
        let error = data_of::<Typing>(r#"{"at":{"line":"x"}}"#).expect_err("no number");
        assert!(error.starts_with("at.line: invalid type: string \"x\", expected u32"), "{error}");
        let error = data_of::<Typing>(r#"{"at":{}}"#).expect_err("nothing");
        assert!(error.starts_with("at: missing field `line`"), "{error}");
        let error = data_of::<Typing>("hello").expect_err("a text");
        assert!(error.starts_with("expected value"), "{error}");
    }
}
