//! `resound sign`.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use clap::Args;
use resound_protocol::{
    channel::{Access, ChannelName},
    signature::{
        ChannelDataRule, Query, RequestFault, RequestParts, Signer, channel_auth, sign_request,
        user_auth, verify_channel_auth, verify_request,
    },
};

use super::{
    names,
    target::{Credentials, TargetArgs},
};

/// How far a timestamp may be off with most servers.
const TOLERANCE_SECONDS: u32 = 600;

/// What to sign: a subscription, a sign-in or a request of the HTTP API.
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["channel", "user_data", "path"])))]
pub(super) struct SignArgs {
    /// Sign a subscription to this channel, by its whole name
    #[arg(long, requires = "socket_id", value_parser = names::channel)]
    channel: Option<String>,
    /// Socket id of the connection that subscribes or signs in
    #[arg(long, conflicts_with = "path", value_parser = names::socket_id)]
    socket_id: Option<String>,
    /// Member that joins a presence channel, such as '{"user_id":"7"}'; signed byte by byte
    #[arg(long, value_name = "JSON", requires = "channel")]
    channel_data: Option<String>,
    /// Sign a sign-in of this user, such as '{"id":"7"}'; signed byte by byte
    #[arg(long, value_name = "JSON", requires = "socket_id")]
    user_data: Option<String>,
    /// Sign a request to this path, without the server's prefix: /apps/ID/events
    #[arg(long)]
    path: Option<String>,
    /// Method of the request
    #[arg(long, default_value = "POST", requires = "path", value_parser = method)]
    method: String,
    /// Query of the request; with auth_signature it is compared
    #[arg(long, default_value = "", requires = "path")]
    query: String,
    /// Body of the request, byte by byte
    #[arg(long, default_value = "", requires = "path")]
    body: String,
    /// Signature to compare with, KEY:SIGNATURE as an application answers; exit code 1 if it is another
    #[arg(long, value_name = "AUTH", conflicts_with = "path")]
    compare: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
}

fn method(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err("a method has only letters".to_owned())
}

/// What is printed, and whether a comparison failed.
#[derive(Debug)]
struct Report {
    text: String,
    mismatch: Option<String>,
}

/// Prints the signature and what it is over.
pub(super) fn run(args: &SignArgs) -> anyhow::Result<()> {
    let app = args.target.find_app()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is not set")?;
    let report = report(args, &app, now.as_secs())?;
    io::stdout().lock().write_all(report.text.as_bytes())?;
    match report.mismatch {
        Some(reason) => bail!("the signature is wrong: {reason}"),
        None => Ok(()),
    }
}

fn report(args: &SignArgs, app: &Credentials, now: u64) -> anyhow::Result<Report> {
    let socket_id = args.socket_id.as_deref().unwrap_or_default();
    match (&args.channel, &args.user_data, &args.path) {
        (Some(channel), ..) => subscription(args, app, socket_id, channel),
        (_, Some(user_data), _) => Ok(sign_in(args, app, socket_id, user_data)),
        (_, _, Some(path)) => request(args, app, path, now),
        (None, None, None) => bail!("--channel, --user-data or --path is needed"),
    }
}

fn subscription(
    args: &SignArgs,
    app: &Credentials,
    socket_id: &str,
    channel: &str,
) -> anyhow::Result<Report> {
    let access = ChannelName::parse(channel, usize::MAX)?.access();
    let data = args.channel_data.as_deref();
    match access {
        Access::Public => {
            bail!("{channel} is a public channel, whose subscriptions are not signed")
        }
        Access::User => bail!("{channel} is open to its user, who signs in: see --user-data"),
        Access::Presence if data.is_none() => {
            bail!(
                "a presence channel is signed with its member: --channel-data '{{\"user_id\":…}}'"
            )
        }
        Access::Private | Access::Presence => {}
    }
    let signer = Signer::new(&app.secret);
    let auth = channel_auth(&app.key, &signer, socket_id, channel, data);
    let mut signed = format!("{socket_id}:{channel}");
    if let Some(data) = data {
        let _ = write!(signed, ":{data}");
    }
    let rule = match access {
        Access::Presence => ChannelDataRule::Always,
        Access::Private | Access::Public | Access::User => ChannelDataRule::IfSent,
    };
    let compared = args.compare.as_deref().map(|given| {
        verify_channel_auth(given, &app.key, &signer, socket_id, channel, data, rule)
            .map_err(|fault| fault.to_string())
    });
    Ok(Report::of_auth(&signed, &auth, compared))
}

fn sign_in(args: &SignArgs, app: &Credentials, socket_id: &str, user_data: &str) -> Report {
    let auth = user_auth(&app.key, &Signer::new(&app.secret), socket_id, user_data);
    let compared = args.compare.as_deref().map(|given| match given == auth {
        true => Ok(()),
        false if !given.starts_with(&format!("{}:", app.key)) => {
            Err("it does not begin with this app's key".to_owned())
        }
        false => Err("another secret, socket id or user_data was signed".to_owned()),
    });
    Report::of_auth(&format!("{socket_id}::user::{user_data}"), &auth, compared)
}

impl Report {
    fn of_auth(signed: &str, auth: &str, compared: Option<Result<(), String>>) -> Self {
        let mut text = format!("string to sign: {signed}\nauth:           {auth}\n");
        if matches!(compared, Some(Ok(()))) {
            text.push_str("compared:       the same\n");
        }
        Self { text, mismatch: compared.and_then(Result::err) }
    }
}

fn request(args: &SignArgs, app: &Credentials, path: &str, now: u64) -> anyhow::Result<Report> {
    let request = SignedRequest { args, app, path, now, signer: Signer::new(&app.secret) };
    let query = args.query.trim_start_matches('?');
    if Query::parse(query).value("auth_signature").is_some() {
        return Ok(request.compare(query));
    }
    if query.contains("auth_") {
        bail!("the query has a part of a signature but no auth_signature to compare");
    }
    request.sign(query)
}

struct SignedRequest<'a> {
    args: &'a SignArgs,
    app: &'a Credentials,
    path: &'a str,
    now: u64,
    signer: Signer,
}

impl SignedRequest<'_> {
    /// Checks the request with this query as the server does.
    fn verify(&self, raw_query: &str, tolerance: Option<u32>) -> Result<(), RequestFault> {
        let parts = RequestParts {
            method: &self.args.method,
            path: self.path,
            raw_query,
            body: self.args.body.as_bytes(),
        };
        verify_request(parts, &self.app.key, &self.signer, self.now, tolerance)
    }

    fn compare(&self, query: &str) -> Report {
        let Err(fault) = self.verify(query, None) else {
            let mut text = "compared:       the same\n".to_owned();
            if let Err(fault) = self.verify(query, Some(TOLERANCE_SECONDS)) {
                let _ = writeln!(text, "but too old:    {fault}");
            }
            return Report { text, mismatch: None };
        };
        let RequestFault::BadSignature { signed_text } = &fault else {
            return Report { text: String::new(), mismatch: Some(fault.to_string()) };
        };
        let signature = self.signer.hex(&[signed_text.as_bytes()]);
        let text = format!("{}auth_signature: {signature}\n", to_sign(signed_text));
        let reason = "another secret, method, path, query or body was signed";
        Report { text, mismatch: Some(reason.to_owned()) }
    }

    fn sign(&self, query: &str) -> anyhow::Result<Report> {
        let pairs = pairs(query);
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (&**key, &**value)).collect();
        let SignArgs { method, body, .. } = self.args;
        let key = &self.app.key;
        let query =
            sign_request(method, self.path, &pairs, body.as_bytes(), key, &self.signer, self.now);
        // The server tells what it would have signed, and this is the server's own code.
        let (unsigned, signature) = query.rsplit_once("auth_signature=").unwrap_or_default();
        let other = format!("{unsigned}auth_signature={}", "0".repeat(signature.len()));
        let Err(RequestFault::BadSignature { signed_text }) = self.verify(&other, None) else {
            bail!("the request has a query that cannot be signed");
        };
        let text = format!("{}query:          {query}\n", to_sign(&signed_text));
        Ok(Report { text, mismatch: None })
    }
}

/// The string to sign of a request, which has line ends.
fn to_sign(signed: &str) -> String {
    format!("string to sign: {}\n", signed.replace('\n', "\\n"))
}

/// The parameters of a query, decoded.
fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::{Parser, error::ErrorKind};
    use expect_test::{Expect, expect};

    use super::*;

    #[derive(Parser)]
    struct Call {
        #[command(flatten)]
        sign: SignArgs,
    }

    fn sign(arguments: &[&str]) -> anyhow::Result<Report> {
        let app = Credentials {
            id: None,
            key: "resound-key".to_owned(),
            secret: "resound-secret".to_owned(),
        };
        let call = Call::try_parse_from([&["sign"], arguments].concat())?;
        report(&call.sign, &app, 1_700_000_000)
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
    fn check(arguments: &[&str], expect: Expect) {
        let Report { text, mismatch } = sign(arguments).expect("a report");
        let mismatch = mismatch.map(|reason| format!("mismatch: {reason}\n")).unwrap_or_default();
        expect.assert_eq(&format!("{text}{mismatch}"));
    }

    const SOCKET: [&str; 2] = ["--socket-id", "123456.7891011"];

    #[test]
    fn subscriptions_are_signed_as_by_pushers_libraries() {
        let private = [&SOCKET[..], &["--channel", "private-orders.7"]].concat();
        check(
            &private,
            expect![[r#"
                string to sign: 123456.7891011:private-orders.7
                auth:           resound-key:bbbca0b81864e363c8267d09c5ae60ff73bdbc6b15a5695fb0c99cd39c999184
            "#]],
        );
        let auth = "resound-key:bbbca0b81864e363c8267d09c5ae60ff73bdbc6b15a5695fb0c99cd39c999184";
        let same = sign(&[&private[..], &["--compare", auth]].concat()).expect("a report");
        assert!(same.mismatch.is_none() && same.text.ends_with("the same\n"));
        for (other, reason) in [
            (auth.replace('b', "a"), "the signature does not match: another secret"),
            (auth.replace("resound-key", "other"), "the key of another app"),
            ("resound-key".to_owned(), "not of the form"),
        ] {
            let report = sign(&[&private[..], &["--compare", &other]].concat()).expect("a report");
            assert!(report.mismatch.is_some_and(|mismatch| mismatch.contains(reason)), "{other}");
        }
        let data = r#"{"user_id":"7","user_info":{"name":"Zoë"}}"#;
        let presence = ["--channel", "presence-room.1", "--channel-data", data];
        let report = sign(&[&SOCKET[..], &presence[..]].concat()).expect("a report");
        assert!(
            report
                .text
                .contains("9f6f0bdbcf45727339641e22501dd1ba6a95c42161871a416d443f69ea745172")
        );
    }

    #[test]
    fn sign_ins_are_signed() {
        let data = r#"{"id":"7","user_info":{"name":"Zoë"},"watchlist":["8","9"]}"#;
        let arguments = [&SOCKET[..], &["--user-data", data]].concat();
        check(
            &arguments,
            expect![[r#"
                string to sign: 123456.7891011::user::{"id":"7","user_info":{"name":"Zoë"},"watchlist":["8","9"]}
                auth:           resound-key:a1d728157608f390730675a97ee040d2cc498d7c940899d6f63cee249d6c1b77
            "#]],
        );
        let other = sign(&[&arguments[..], &["--compare", "other:x"]].concat()).expect("a report");
        assert_eq!(other.mismatch.as_deref(), Some("it does not begin with this app's key"));
    }

    #[test]
    fn requests_are_signed_and_compared() {
        let request = ["--path", "/apps/1/events", "--body", "{}", "--query", "b=x%20y&A=1"];
        let report = sign(&request).expect("a report");
        let (to_sign, query) = report.text.trim_end().split_once('\n').expect("two lines");
        assert_eq!(
            to_sign,
            "string to sign: POST\\n/apps/1/events\\na=1&auth_key=resound-key\
             &auth_timestamp=1700000000&auth_version=1.0&b=x y\
             &body_md5=99914b932bd37a50b983c5e7c90ae93b"
        );
        let query = query.strip_prefix("query:").expect("a query").trim();
        let same = sign(&["--path", "/apps/1/events", "--body", "{}", "--query", query]);
        let same = same.expect("a report");
        assert_eq!((same.mismatch, &*same.text), (None, "compared:       the same\n"));
        let other = sign(&["--path", "/apps/1/events", "--body", "{ }", "--query", query]);
        let other = other.expect("a report");
        assert!(other.mismatch.is_some_and(|reason| reason.contains("or body was signed")));
        assert!(other.text.contains("auth_signature: "), "{}", other.text);
    }

    #[test]
    fn what_is_never_signed_says_so() {
        for (channel, reason) in [
            ("news", "is a public channel"),
            ("presence-a", "--channel-data"),
            ("#server-to-user-7", "--user-data"),
        ] {
            let error = sign(&[&SOCKET[..], &["--channel", channel]].concat());
            let error = error.expect_err("nothing to sign").to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_wrong_call_is_one() {
        for (arguments, kind) in [
            (&[][..], ErrorKind::MissingRequiredArgument),
            (&["--channel", "private-a"], ErrorKind::MissingRequiredArgument),
            (&["--path", "/a", "--channel", "private-a"], ErrorKind::ArgumentConflict),
            (&["--path", "/a", "--socket-id", "1.2"], ErrorKind::ArgumentConflict),
            (&["--channel", "private-a", "--socket-id", "1"], ErrorKind::ValueValidation),
        ] {
            let error = sign(arguments).expect_err("a wrong call");
            let error = error.downcast_ref::<clap::Error>().expect("clap's");
            assert_eq!((error.kind(), error.exit_code()), (kind, 2), "{arguments:?}");
        }
    }
}
