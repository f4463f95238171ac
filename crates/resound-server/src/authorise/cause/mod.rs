//! What a refusal probably comes from, and what helps.
//!
//! Whoever reads this in a log has an application that works, a page that does not, and a status. So a
//! cause is a sentence about this very question, and the advice names files, settings and commands.

mod body;
mod fault;
mod redirect;
mod status;

use crate::authorise::{case::Case, client::Reply, excerpt, fault::Fault, granted::Misread};

/// A question that was not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The status that the client is told.
    pub(crate) told: u16,
    /// The status of the application's answer, or 0.
    pub(crate) status: u16,
    /// How its body begins.
    pub(crate) body: String,
    pub(crate) kind: Kind,
    /// What it probably comes from.
    pub(crate) cause: String,
    /// What helps.
    pub(crate) advice: String,
}

/// Whether somebody should look into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The application works and said no.
    Denial,
    /// Something is broken.
    Failure,
    /// There is too much to do.
    Overload,
}

/// Cause and advice.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Words {
    kind: Kind,
    cause: String,
    advice: String,
}

impl Words {
    fn failure(cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { kind: Kind::Failure, cause: cause.into(), advice: advice.into() }
    }

    fn denial(cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { kind: Kind::Denial, ..Self::failure(cause, advice) }
    }
}

/// The status that a client is told when the application answers 200 and grants nothing.
const FORBIDDEN: u16 = 403;

impl Refusal {
    /// Of a question that got no answer.
    pub(crate) fn of_fault(case: &Case, fault: &Fault) -> Self {
        let told_of = [(Fault::TooManyHeaders, 431), (Fault::Overload, 503)];
        let told = told_of.iter().find(|(known, _)| known == fault).map_or(0, |(_, told)| *told);
        Self::of(told, &Reply::default(), case, fault::words(case, fault))
    }

    /// Of an answer with another status than 200.
    pub(crate) fn of_status(case: &Case, reply: &Reply) -> Self {
        let words = match reply.status {
            300..=399 => redirect::words(case, reply),
            _ => status::words(case, reply),
        };
        Self::of(reply.status, reply, case, words)
    }

    /// Of an answer with status 200 that grants nothing.
    pub(crate) fn of_misread(case: &Case, reply: &Reply, misread: Misread) -> Self {
        Self::of(FORBIDDEN, reply, case, body::words(case, reply, misread))
    }

    fn of(told: u16, reply: &Reply, case: &Case, words: Words) -> Self {
        let body = excerpt::of_body(case, &reply.body);
        let Words { kind, cause, advice } = words;
        Self { told, status: reply.status, body, kind, cause, advice }
    }
}

/// The page that came, by its title.
fn page(case: &Case, reply: &Reply) -> String {
    match excerpt::title(case, &reply.body) {
        Some(title) => format!("the page \"{title}\""),
        None => "a page".to_owned(),
    }
}

/// What helps a client that the application does not know.
fn sign_in_advice(case: &Case) -> &'static str {
    use crate::authorise::case::Credentials::{Authorization, Both, Cookie, Nothing};
    match case.credentials() {
        Nothing => {
            "a browser sends the session cookie only to hosts of the cookie's domain: serve this server \
             below the application's domain and set SESSION_DOMAIN=.that-domain, or give Echo a token: \
             auth: { headers: { Authorization: 'Bearer …' } }"
        }
        Cookie => {
            "check that the cookie is the session's (SESSION_DOMAIN, SESSION_SECURE_COOKIE, \
             SESSION_SAME_SITE), that the session has not ended, and that the route has the middleware \
             and guard of these users"
        }
        Authorization | Both => {
            "check that the token is valid and that the route uses its guard: \
             Broadcast::routes(['middleware' => ['auth:sanctum']])"
        }
    }
}
