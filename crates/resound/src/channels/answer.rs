//! Decisions as clients read them. Laravel: `validAuthenticationResponse`.

use resound_protocol::signature::{Signer, channel_auth, user_auth};

use crate::{
    channels::{
        decide::{Granted, Joining},
        denial::Denial,
        member::{Member, SignedInUser},
    },
    driver::{Answers, Credentials},
    json,
};

/// An answer to a client's question.
///
/// ```
/// use resound::channels::{Answer, Denial};
///
/// let answer = Answer::denied(&Denial::BadSocketId("1".to_owned()));
/// // Any framework can send this.
/// assert_eq!((answer.status, &*answer.body), (400, r#"{"message":"Bad Request"}"#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// JSON; nothing with the drivers `log` and `null`.
    pub body: String,
}

impl Answer {
    fn ok(body: String) -> Self {
        Self { status: 200, body }
    }

    /// A denial: its status, and nothing of its reason.
    ///
    /// ```
    /// use resound::channels::{Answer, Denial};
    ///
    /// assert_eq!(Answer::denied(&Denial::NoName).body, r#"{"message":"Forbidden"}"#);
    /// ```
    pub fn denied(denial: &Denial) -> Self {
        let status = denial.status();
        let message = match status {
            500 => "Server Error",
            400 => "Bad Request",
            _ => "Forbidden",
        };
        Self { status, body: format!(r#"{{"message":"{message}"}}"#) }
    }
}

/// Writes answers, for integrations into other frameworks than axum.
///
/// ```
/// use resound::{Broadcaster, Channels, SocketId, channels::{Answer, Denial, Joining, Signing}};
///
/// /// What is sent to a client of this user.
/// async fn authorise(broadcaster: &Broadcaster, channels: Channels<(), u64>, user: Option<u64>) -> Answer {
///     let signing = Signing::new(&broadcaster.answers());
///     let mut joining = Joining::new("private-orders.1"); // channel_name
///     joining.socket = SocketId::from("123.456");         // socket_id
///     let answer: Result<Answer, Denial> = async {
///         signing.check(&joining)?;
///         let granted = channels.with_state(()).decide(user.as_ref(), &joining).await?;
///         signing.grant(&joining, &granted)
///     }
///     .await;
///     answer.unwrap_or_else(|denial| Answer::denied(&denial))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let answer = authorise(&Broadcaster::null(), Channels::new().user(), Some(1)).await;
/// assert_eq!(answer.status, 403);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Signing(Form);

#[derive(Clone, Debug)]
enum Form {
    Pusher { credentials: Box<Credentials>, signer: Signer },
    SocketIo,
    Empty,
}

impl Signing {
    /// Answers of this form.
    ///
    /// ```
    /// use resound::{Broadcaster, channels::Signing};
    ///
    /// let signing = Signing::new(&Broadcaster::null().answers());
    /// # let _ = signing;
    /// ```
    pub fn new(answers: &Answers) -> Self {
        Self(match answers {
            Answers::Pusher(credentials) => Form::Pusher {
                credentials: Box::new(credentials.clone()),
                signer: Signer::new(&credentials.secret),
            },
            Answers::SocketIo => Form::SocketIo,
            Answers::Empty => Form::Empty,
        })
    }

    /// A server that asks on behalf of a client (laravel-echo-server, Resound for Socket.IO) names no connection:
    /// there is nothing to sign.
    fn for_connection(&self, joining: &Joining) -> &Form {
        let is_signed = matches!(self.0, Form::Pusher { .. });
        if is_signed && joining.socket.as_deref().is_none() { &Form::SocketIo } else { &self.0 }
    }

    /// Checks that this is a question that can be answered.
    ///
    /// # Errors
    /// If it names no channel that needs a permission, or something that is no connection.
    ///
    /// ```
    /// use resound::{SocketId, channels::{Denial, Joining, Signing}, driver::{Answers, Credentials}};
    ///
    /// let signing = Signing::new(&Answers::Pusher(Credentials::new("key", "secret")));
    /// let mut joining = Joining::new("private-orders.1");
    /// joining.socket = SocketId::from("123.456");
    /// assert!(signing.check(&joining).is_ok());
    /// assert_eq!(signing.check(&Joining::new("news")), Err(Denial::Public));
    /// ```
    pub fn check(&self, joining: &Joining) -> Result<(), Denial> {
        let is_signed = matches!(self.for_connection(joining), Form::Pusher { .. });
        joining.check(is_signed)?;
        self.check_socket(joining)
    }

    pub(crate) fn check_socket(&self, joining: &Joining) -> Result<(), Denial> {
        match (&self.0, joining.socket.as_deref()) {
            (Form::Pusher { .. }, Some(id)) if joining.socket.pusher().is_none() => {
                Err(Denial::BadSocketId(id.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The answer to one who may join.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), so that nothing else is ever signed; if the member can't be written as JSON; if
    /// the channel is encrypted and there is no key.
    ///
    /// ```
    /// use resound::{Channels, SocketId, channels::{Joining, Signing}, driver::{Answers, Credentials}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let signing = Signing::new(&Answers::Pusher(Credentials::new("key", "secret")));
    /// let gate = Channels::new().private("news", |()| async { true }).with_state(());
    /// let mut joining = Joining::new("private-news");
    /// joining.socket = SocketId::from("123.456");
    /// let granted = gate.decide(Some(&()), &joining).await?;
    /// assert!(signing.grant(&joining, &granted)?.body.starts_with(r#"{"auth":"key:"#));
    /// # Ok(())
    /// # }
    /// ```
    pub fn grant(&self, joining: &Joining, granted: &Granted) -> Result<Answer, Denial> {
        self.check(joining)?;
        let failed = |reason: &str| Denial::Failed {
            pattern: granted.pattern.as_str().into(),
            reason: reason.to_owned(),
        };
        let member = granted.member.as_ref().map(|member| (member, info(&member.info)));
        if let Some((_, Err(reason))) = &member {
            return Err(failed(reason));
        }
        let member = member.and_then(|(member, info)| Some((member, info.ok()?)));
        match self.for_connection(joining) {
            Form::Pusher { credentials, signer } => {
                let is_encrypted = joining.channel.starts_with("private-encrypted-");
                let secret = credentials.shared_secret(&joining.channel).filter(|_| is_encrypted);
                if is_encrypted && secret.is_none() {
                    return Err(failed("there is no master key (Credentials::master_key)"));
                }
                Ok(pusher(&credentials.key, signer, joining, member, secret))
            }
            Form::SocketIo => Ok(socket_io(member)),
            Form::Empty => Ok(Answer::ok(String::new())),
        }
    }

    /// The answer to one who signs in.
    ///
    /// # Errors
    /// If the user has no id or can't be written as JSON, or no connection is named.
    ///
    /// ```
    /// use resound::{SocketId, channels::{Joining, SignedInUser, Signing}, driver::{Answers, Credentials}};
    ///
    /// let signing = Signing::new(&Answers::Pusher(Credentials::new("key", "secret")));
    /// let mut joining = Joining::default();
    /// joining.socket = SocketId::from("123.456");
    /// let answer = signing.sign_in(&joining, &SignedInUser::new(7))?;
    /// assert!(answer.body.ends_with(r#""user_data":"{\"id\":\"7\"}"}"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign_in(&self, joining: &Joining, user: &SignedInUser) -> Result<Answer, Denial> {
        let Form::Pusher { credentials, signer } = &self.0 else {
            return Ok(Answer::ok(String::new()));
        };
        let Some(socket) = joining.socket.pusher() else {
            return Err(Denial::BadSocketId(String::new()));
        };
        let user_data = user_data(user)
            .map_err(|reason| Denial::Failed { pattern: "sign_in".into(), reason })?;
        let auth = user_auth(&credentials.key, signer, socket, &user_data);
        let (auth, user_data) = (json::string(&auth), json::string(&user_data));
        Ok(Answer::ok(format!(r#"{{"auth":{auth},"user_data":{user_data}}}"#)))
    }
}

fn info(info: &Result<String, String>) -> Result<&str, String> {
    info.as_deref().map_err(|error| format!("what is told of the member is no JSON: {error}"))
}

fn pusher(
    key: &str,
    signer: &Signer,
    joining: &Joining,
    member: Option<(&Member, &str)>,
    shared_secret: Option<String>,
) -> Answer {
    let data = member.map(|(member, info)| {
        let id = json::string(&member.id.to_string());
        format!(r#"{{"user_id":{id},"user_info":{info}}}"#)
    });
    let socket = joining.socket.pusher().unwrap_or_default();
    let auth = channel_auth(key, signer, socket, &joining.channel, data.as_deref());
    let auth = json::string(&auth);
    let more = match (data, shared_secret) {
        (Some(data), _) => format!(r#","channel_data":{}"#, json::string(&data)),
        (None, Some(secret)) => format!(r#","shared_secret":{}"#, json::string(&secret)),
        (None, None) => String::new(),
    };
    Answer::ok(format!(r#"{{"auth":{auth}{more}}}"#))
}

/// Laravel's redis driver: an id keeps its type, and the member is an object.
fn socket_io(member: Option<(&Member, &str)>) -> Answer {
    let Some((member, info)) = member else { return Answer::ok("true".to_owned()) };
    let id = json::encode(&member.id).expect("a number or a string is JSON");
    Answer::ok(format!(r#"{{"channel_data":{{"user_id":{id},"user_info":{info}}}}}"#))
}

fn user_data(user: &SignedInUser) -> Result<String, String> {
    let id = user.id.to_string();
    if id.is_empty() {
        return Err("the user's id is empty".to_owned());
    }
    let mut data = format!(r#"{{"id":{}"#, json::string(&id));
    if let Some(user_info) = &user.info {
        data.push_str(&format!(r#","user_info":{}"#, info(user_info)?));
    }
    if !user.watchlist.is_empty() {
        let ids: Vec<_> = user.watchlist.iter().map(|id| json::string(&id.to_string())).collect();
        data.push_str(&format!(r#","watchlist":[{}]"#, ids.join(",")));
    }
    data.push('}');
    Ok(data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::socket::SocketId;

    const SOCKET: &str = "123456.7891011";

    fn grant(answers: &Answers, channel: &str, socket: &str, member: Option<Member>) -> String {
        let mut joining = Joining::new(channel);
        joining.socket = SocketId::from(socket);
        let granted = Granted { pattern: "x".to_owned(), member };
        match Signing::new(answers).grant(&joining, &granted) {
            Ok(answer) => answer.body,
            Err(denial) => denial.to_string(),
        }
    }

    fn pusher() -> Answers {
        Answers::Pusher(Credentials::new("resound-key", "resound-secret"))
    }

    // The signatures are those of npm's pusher in our notes on the protocol.

    #[test]
    fn a_private_channel_is_signed() {
        assert_eq!(
            grant(&pusher(), "private-orders.7", SOCKET, None),
            r#"{"auth":"resound-key:bbbca0b81864e363c8267d09c5ae60ff73bdbc6b15a5695fb0c99cd39c999184"}"#
        );
    }

    #[cfg(feature = "encryption")]
    #[test]
    fn who_joins_an_encrypted_channel_gets_its_key() {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let key = crate::encryption::MasterKey::from_base64(key).expect("a key");
        let credentials = Credentials::new("resound-key", "resound-secret").master_key(key);
        assert_eq!(
            grant(&Answers::Pusher(credentials), "private-encrypted-orders.7", SOCKET, None),
            r#"{"auth":"resound-key:588f2dfc37a4b9a472a79566cc8ae3763e5bddbacb58632ceb019f18011bece5","shared_secret":"OPd1N5sAmE6mvMoN2HCrvXWYTsQyH\/bl1wVuxR80zH8="}"#
        );
    }

    #[test]
    fn a_presence_channel_is_signed_with_its_member_whose_id_is_a_text() {
        let member = Member::new(1u64).info(json!({ "id": 1, "name": "Ann" }));
        let body = grant(&pusher(), "presence-room.1", SOCKET, Some(member));
        let (auth, data) = body.split_once(r#"","channel_data":"#).expect("data");
        assert_eq!(data, r#""{\"user_id\":\"1\",\"user_info\":{\"id\":1,\"name\":\"Ann\"}}"}"#);
        let signed =
            [SOCKET, ":presence-room.1:", r#"{"user_id":"1","user_info":{"id":1,"name":"Ann"}}"#];
        let hex = Signer::new("resound-secret").hex(&signed.map(str::as_bytes));
        assert_eq!(auth, format!(r#"{{"auth":"resound-key:{hex}"#));
    }

    #[test]
    fn servers_that_ask_for_their_clients_get_the_forms_of_the_redis_driver() {
        for (answers, socket) in [(Answers::SocketIo, SOCKET), (pusher(), "")] {
            let member = Member::new(1u64).info(json!({ "id": 1, "name": "Ann" }));
            assert_eq!(grant(&answers, "private-orders.7", socket, None), "true");
            assert_eq!(
                grant(&answers, "presence-room.1", socket, Some(member)),
                r#"{"channel_data":{"user_id":1,"user_info":{"id":1,"name":"Ann"}}}"#
            );
        }
    }

    #[test]
    fn a_member_without_more_is_true_as_in_laravel() {
        let member = Member::new("ann");
        assert_eq!(
            grant(&Answers::SocketIo, "presence-a", "", Some(member)),
            r#"{"channel_data":{"user_id":"ann","user_info":true}}"#
        );
    }

    #[test]
    fn what_was_not_checked_is_not_signed() {
        for (channel, socket) in [
            ("presence-room.1:{}", SOCKET),
            ("private-a:b", SOCKET),
            ("news", SOCKET),
            ("#server-to-user-7", SOCKET),
            ("private-a", "PjaYFS19stiacBe4AAAA"),
        ] {
            let answer = grant(&pusher(), channel, socket, None);
            assert!(!answer.contains("auth"), "{channel} {socket}: {answer}");
        }
    }

    #[test]
    fn a_user_without_an_id_is_not_signed() {
        let joining = Joining { socket: SocketId::from(SOCKET), ..Joining::default() };
        let denial = Signing::new(&pusher()).sign_in(&joining, &SignedInUser::new(""));
        assert_eq!(
            denial.expect_err("no id").to_string(),
            "the handler of sign_in failed: the user's id is empty"
        );
    }

    #[test]
    fn the_drivers_log_and_null_say_nothing() {
        assert_eq!(grant(&Answers::Empty, "private-orders.7", SOCKET, None), "");
    }

    #[test]
    fn a_user_is_signed() {
        let user = SignedInUser::new("7").info(json!({ "name": "Ann" })).watchlist(["8", "9"]);
        let data = user_data(&user).expect("JSON");
        assert_eq!(data, r#"{"id":"7","user_info":{"name":"Ann"},"watchlist":["8","9"]}"#);
        // Pusher's own sample.
        let answers =
            Answers::Pusher(Credentials::new("278d425bdf160c739803", "7ad3773142a6692b25b8"));
        let joining = Joining { socket: SocketId::from("1234.1234"), ..Joining::default() };
        let answer = Signing::new(&answers).sign_in(&joining, &SignedInUser::new(12345u64));
        assert_eq!(
            answer.expect("an answer").body,
            r#"{"auth":"278d425bdf160c739803:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba","user_data":"{\"id\":\"12345\"}"}"#
        );
    }
}
