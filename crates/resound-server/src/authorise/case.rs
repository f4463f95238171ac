//! A question on its way to the application.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Method, Request, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    authorise::{Question, fault::Fault, headers, site},
    config::AuthConfig,
};

/// What stands for itself in a form.
const FORM: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'*');

/// A question, and who is asked.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) question: Question,
    /// The URL, if there is one for the client's page.
    pub(crate) url: Option<Uri>,
    pub(crate) config: Arc<AuthConfig>,
}

/// By what the application may know the client's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    Nothing,
    Cookie,
    Authorization,
    Both,
}

impl Case {
    pub(crate) fn new(question: Question, config: &Arc<AuthConfig>) -> Self {
        let url = site::choose(config, question.handshake.referer.as_deref()).ok();
        Self { question, url, config: Arc::clone(config) }
    }

    /// A question for the application in this process, whatever the client's page.
    pub(crate) fn in_process(question: Question, config: &Arc<AuthConfig>) -> Self {
        let url = config.endpoint.parse().ok();
        Self { question, url, config: Arc::clone(config) }
    }

    /// Why this question is not asked at all.
    pub(crate) fn objection(&self) -> Option<Fault> {
        if self.url.is_none() {
            return Some(Fault::NoSite);
        }
        (!headers::are_within_bounds(&self.question.headers)).then_some(Fault::TooManyHeaders)
    }

    /// The request, for a question without objection.
    pub(crate) fn request(&self) -> Option<Request<Full<Bytes>>> {
        let encode = |text| utf8_percent_encode(text, FORM);
        let body = format!(
            "channel_name={}&socket_id={}",
            encode(&self.question.channel),
            encode(&self.question.socket_id)
        );
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone()?;
        *request.headers_mut() = self.headers();
        Some(request)
    }

    fn headers(&self) -> HeaderMap {
        headers::of(&self.question.headers, &self.question.handshake)
    }

    /// How much the question keeps in memory while it waits, about.
    pub(crate) fn bytes(&self) -> usize {
        let Question { channel, socket_id, headers, handshake: _ } = &self.question;
        let headers = headers.iter().map(|(name, value)| name.len() + value.len() + 48);
        512 + channel.len() + socket_id.len() + headers.sum::<usize>()
    }

    /// `host` or `host:port` of who is asked.
    pub(crate) fn authority(&self) -> &str {
        self.url.as_ref().and_then(Uri::authority).map_or("", |authority| authority.as_str())
    }

    pub(crate) fn credentials(&self) -> Credentials {
        let headers = self.headers();
        match (headers.contains_key(header::COOKIE), headers.contains_key(header::AUTHORIZATION)) {
            (false, false) => Credentials::Nothing,
            (true, false) => Credentials::Cookie,
            (false, true) => Credentials::Authorization,
            (true, true) => Credentials::Both,
        }
    }

    /// Whether the client gave a header.
    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.question.headers.iter().any(|(given, _)| given.trim().eq_ignore_ascii_case(name))
    }

    /// Whether the application was asked for JSON, as by everybody who does not ask for something else.
    pub(crate) fn wants_json(&self) -> bool {
        let headers = self.headers();
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.contains("json"))
    }
}

impl Credentials {
    /// What the client sent, as a sentence.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Nothing => "the client sent neither a cookie nor an Authorization header",
            Self::Cookie => "the client sent a cookie and no Authorization header",
            Self::Authorization => "the client sent an Authorization header and no cookie",
            Self::Both => "the client sent a cookie and an Authorization header",
        }
    }
}
