//! `resound send`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::{Args, builder::NonEmptyStringValueParser};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Uri, header::CONTENT_TYPE};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use resound_protocol::signature::{Signer, sign_request};
use serde_json::{Value, json};

use super::{
    names,
    target::{Credentials, Place, TargetArgs},
};
use crate::authorise::tls::Trust;

/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Characters of an answer that are shown.
const SHOWN_MAX: usize = 500;

/// What to send.
#[derive(Args, Debug)]
pub(super) struct SendArgs {
    /// Channel by its whole name: news, private-orders.1, presence-room.1
    #[arg(value_parser = names::channel)]
    channel: String,
    /// Event as on the wire: Echo's listen('OrderShipped') hears 'App\Events\OrderShipped', listen('.shipped') hears shipped
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    event: String,
    /// Data in JSON, such as '{"id":1}'
    #[arg(value_name = "JSON", value_parser = names::json)]
    data: String,
    /// Connection that does not get the event: the one who caused it
    #[arg(long, value_name = "SOCKET_ID", value_parser = names::socket_id)]
    to_others: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
}

/// Publishes the event, and says what the server thinks of it.
pub(super) fn run(args: &SendArgs) -> anyhow::Result<()> {
    let (place, credentials) = args.target.find()?;
    if args.channel.starts_with("private-encrypted-") {
        bail!("events of encrypted channels are encrypted by the application, which this is not");
    }
    let Some(id) = &credentials.id else {
        bail!("the app's id is needed (--app-id), because it is a part of the API's addresses");
    };
    let path = format!("/apps/{id}/events");
    let body = body(args);
    let url = signed_url(&place, &credentials, &path, &body)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async {
        let posting = post(url.parse().context("the address is none")?, body);
        tokio::time::timeout(TIMEOUT, posting).await.unwrap_or_else(|_| {
            bail!("no answer within {} seconds", TIMEOUT.as_secs());
        })
    });
    let answer = answer.with_context(|| {
        format!("{} cannot be asked; does `resound start` run there?", place.http())
    })?;
    let Answer { status, text } = &answer;
    if *status != 200 {
        bail!("{}", refusal(&place, *status, text));
    }
    eprintln!("resound: sent {} to {}", args.event, args.channel);
    Ok(())
}

fn body(args: &SendArgs) -> String {
    let mut body = json!({ "name": args.event, "channel": args.channel, "data": args.data });
    if let Some(socket_id) = &args.to_others {
        body["socket_id"] = Value::from(&**socket_id);
    }
    body.to_string()
}

fn signed_url(
    place: &Place,
    credentials: &Credentials,
    path: &str,
    body: &str,
) -> anyhow::Result<String> {
    let Credentials { key, secret, .. } = credentials;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is not set")?;
    let signer = Signer::new(secret);
    let query = sign_request("POST", path, &[], body.as_bytes(), key, &signer, now.as_secs());
    Ok(format!("{}{path}?{query}", place.http()))
}

struct Answer {
    status: u16,
    text: String,
}

async fn post(url: Uri, body: String) -> anyhow::Result<Answer> {
    let trust = match url.scheme_str() {
        Some("https") => Trust::System,
        _ => Trust::Roots(rustls::RootCertStore::empty()),
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(trust.client())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body))
        .context("the address is none")?;
    let response = client.request(request).await?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    // What is too long, or breaks off, has its status still.
    let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Ok(Answer { status, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// What the server says, and what helps.
fn refusal(place: &Place, status: u16, text: &str) -> String {
    let advice = match status {
        401 => {
            "is it the secret of this app, and the clock of this machine right? `resound sign` shows how a request is signed"
        }
        403 => "the app is switched off, or something in front of the server lets nobody in",
        404 => "is the app's id right (--app-id), and the path in front of /apps (--url)?",
        413 => "the event is too long for the server; its message names the setting",
        400 | 422 => {
            "the server does not like the channel, the event or the data, as its message says"
        }
        300..400 => {
            "something in front of the server sends us elsewhere: name the address there (--url)"
        }
        502..=504 => "a proxy answers for the server, which does not run or is not reached",
        500..600 => "the server's log has more",
        _ => "is there a server of the Pusher protocol at this address?",
    };
    let said = said(text);
    let colon = if said.is_empty() { "" } else { ": " };
    format!("{} answered {status}{colon}{said}\nAdvice: {advice}", place.http())
}

/// The message of an answer, or the beginning of what it is in its place.
fn said(text: &str) -> String {
    let json: Value = serde_json::from_str(text).unwrap_or_default();
    let message = ["error", "message"].iter().find_map(|name| json[*name].as_str());
    let shown: String = message.unwrap_or(text).chars().take(SHOWN_MAX).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_shown_on_a_line() {
        assert_eq!(said(r#"{"error":"No\nsuch app","code":404}"#), "No such app");
        assert_eq!(said("<html>\n<body>Bad"), "<html> <body>Bad");
        assert_eq!(said(&"x".repeat(1000)).len(), SHOWN_MAX);
    }
}
