//! An authoriser with its application and its log.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use expect_test::Expect;
use serde_json::Value;

use super::{
    application::{Application, Asked},
    log::Log,
};
use crate::{
    authorise::{Answer, Authoriser, ClientHeaders, Question},
    config::{AuthConfig, AuthHost},
};

/// A question about a channel, of a client that sent nothing else.
pub(super) fn question(channel: &str) -> Question {
    Question {
        channel: channel.to_owned(),
        socket_id: "123.456".to_owned(),
        headers: Vec::new(),
        handshake: Arc::new(handshake()),
    }
}

pub(super) fn handshake() -> ClientHeaders {
    ClientHeaders {
        cookie: None,
        referer: None,
        origin: None,
        user_agent: None,
        forwarded_for: None,
        peer: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
    }
}

/// A question of a client with a session.
pub(super) fn with_cookie(channel: &str) -> Question {
    let cookie = Some("shop_session=eyJpdiI6IkR4; theme=dark".into());
    Question { handshake: Arc::new(ClientHeaders { cookie, ..handshake() }), ..question(channel) }
}

pub(in crate::authorise) fn with_headers(channel: &str, headers: &[(&str, &str)]) -> Question {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Question { headers: headers.collect(), ..question(channel) }
}

/// A configuration with one address.
pub(in crate::authorise) fn config(host: &str) -> AuthConfig {
    let host = AuthHost::parse(host).expect("an address");
    AuthConfig { hosts: vec![host], timeout: Duration::from_secs(30), ..AuthConfig::default() }
}

pub(super) struct Desk {
    pub(super) application: Application,
    pub(super) authoriser: Arc<Authoriser>,
    pub(super) log: Log,
}

impl Desk {
    pub(super) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// One whose configuration is changed.
    pub(super) async fn with(change: impl FnOnce(&mut AuthConfig)) -> Self {
        let application = Application::start().await;
        let mut config = config(&format!("http://{}", application.address));
        change(&mut config);
        let authoriser = Arc::new(Authoriser::new(&config).expect("a thread"));
        Self { application, authoriser, log: Log::capture() }
    }

    /// Asks one question, and lets the application answer it.
    pub(super) async fn ask(&mut self, question: Question, answer: impl FnOnce(Asked)) -> Answer {
        let application = async { answer(self.application.asked().await) };
        tokio::join!(self.authoriser.ask(question), application).0
    }

    /// The one line of the log, in a form to read.
    #[track_caller]
    pub(super) fn line(&self) -> String {
        let lines = self.log.lines();
        let [line] = &lines[..] else { panic!("one line, not {lines:#?}") };
        shown(line).replace(&self.application.address.port().to_string(), "PORT")
    }
}

/// Level, message and fields of a line, one under the other.
pub(super) fn shown(line: &Value) -> String {
    let text = |key: &str| {
        let value = &line[key];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let mut shown = format!("{} {}\n", text("level"), text("message"));
    for key in ["channel", "connection", "url", "status", "body", "cause", "advice"] {
        if !line[key].is_null() {
            shown.push_str(&format!("{key}: {}\n", text(key)));
        }
    }
    shown
}

/// Asks a question that is answered like this, and checks what the client is told and what is logged.
#[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
pub(super) async fn check(question: Question, response: &str, told: u16, expect: Expect) {
    let mut desk = Desk::open().await;
    let answer = desk.ask(question, |asked| asked.answer(response.as_bytes())).await;
    assert_eq!(answer, Answer::Refused { status: told });
    expect.assert_eq(&desk.line());
}
