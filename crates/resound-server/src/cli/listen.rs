//! `resound listen`.

use std::io::{self, ErrorKind, Write as _};

use anyhow::{Context as _, bail};
use clap::{Args, builder::NonEmptyStringValueParser};
use resound_client::{
    Channel, Client, ConnectionState, Event, Listener, Member, Presence, SecretAuthorizer,
};
use serde_json::{Value, json, value::RawValue};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
};

use super::{names, target::TargetArgs};

/// Lines that wait for the terminal.
const LINES_MAX: usize = 16;
/// Laravel's namespace of events, as Echo has it by default.
const NAMESPACE: &str = r"App\Events\";

/// What to listen to.
#[derive(Args, Debug)]
pub(super) struct ListenArgs {
    /// Channels by their whole names: news, private-orders.1, presence-room.1
    #[arg(required = true, value_name = "CHANNEL", value_parser = names::channel)]
    channels: Vec<String>,
    /// Print only this event, named as on the wire or as for Echo's `listen`; may be repeated
    #[arg(long = "event", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    events: Vec<String>,
    /// Print each event as a JSON object: channel, event, data, user_id
    #[arg(long)]
    json: bool,
    /// End after so many lines
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// User as whom presence channels are joined; others see it
    #[arg(long, value_name = "ID", default_value = "resound-listen", value_parser = NonEmptyStringValueParser::new())]
    user_id: String,
    /// What others are told about that user
    #[arg(long, value_name = "JSON", default_value = r#"{"name":"resound listen"}"#, value_parser = names::json)]
    user_info: String,
    /// Master key of encrypted channels, 32 bytes in base64
    #[arg(long, value_name = "KEY")]
    master_key: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
}

/// What a channel's task has for the one who prints.
enum Heard {
    Event(Event),
    /// For standard error.
    Note(String),
    /// There will be no subscription.
    Refused(String),
}

/// Prints events until it is stopped.
pub(super) fn run(args: &ListenArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(listen(args))
}

async fn listen(args: &ListenArgs) -> anyhow::Result<()> {
    let (place, credentials) = args.target.find()?;
    let url = place.websocket(&credentials.key);
    let info = serde_json::from_str(&args.user_info).unwrap_or_default();
    let mut authorizer = SecretAuthorizer::new(&*credentials.key, &credentials.secret)
        .member(Member::new(&*args.user_id, info));
    if let Some(key) = &args.master_key {
        authorizer = authorizer.master_key(key).context("--master-key is none")?;
    }
    // Without a namespace names are those on the wire.
    let builder = Client::builder(&url).authorizer(authorizer).namespace("");
    let client = builder.connect().await?;
    let (tx, rx) = mpsc::channel(LINES_MAX);
    let mut tasks = JoinSet::new();
    for name in &args.channels {
        let channel = client.channel(name);
        tasks.spawn(subscription(channel.clone(), tx.clone()));
        tasks.spawn(events(channel.listen_to_all(), tx.clone()));
        if let Some(members) = client_members(&client, name) {
            tasks.spawn(here(members.here(), name.clone(), tx.clone()));
            let added = "pusher:member_added";
            tasks.spawn(change(members.joining(), added, name.clone(), tx.clone()));
            let removed = "pusher:member_removed";
            tasks.spawn(change(members.leaving(), removed, name.clone(), tx.clone()));
        }
    }
    tasks.spawn(states(client.states(), url, tx));
    let printed = tokio::select! {
        printed = print(args, rx) => printed,
        stopped = stopped() => stopped,
    };
    client.close().await;
    printed
}

fn client_members(client: &Client, name: &str) -> Option<Channel<Presence>> {
    name.strip_prefix("presence-").map(|name| client.join(name))
}

/// Waits for Ctrl-C, or for who ends processes.
async fn stopped() -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

async fn subscription<K>(channel: Channel<K>, tx: mpsc::Sender<Heard>) {
    let heard = match channel.subscribed().await {
        Ok(()) => Heard::Note(format!("subscribed to {}", channel.name())),
        Err(error) => Heard::Refused(error.to_string()),
    };
    // Who prints has ended, and we with it.
    let _ = tx.send(heard).await;
}

async fn events(mut listener: Listener<Event>, tx: mpsc::Sender<Heard>) {
    while let Some(item) = listener.next().await {
        let heard = match item {
            Ok(mut event) => {
                event.name.remove(0); // the dot that says that no namespace was taken off
                Heard::Event(event)
            }
            Err(error) => Heard::Note(error.to_string()),
        };
        if tx.send(heard).await.is_err() {
            return;
        }
    }
}

async fn here(mut listener: Listener<Vec<Member>>, channel: String, tx: mpsc::Sender<Heard>) {
    while let Some(item) = listener.next().await {
        let Ok(members) = item else { continue }; // `events` has told it
        let members: Value = members.iter().map(shown).collect();
        let event = internal("pusher:subscription_succeeded", &channel, &members);
        if tx.send(event).await.is_err() {
            return;
        }
    }
}

async fn change(
    mut listener: Listener<Member>,
    name: &'static str,
    channel: String,
    tx: mpsc::Sender<Heard>,
) {
    while let Some(item) = listener.next().await {
        let Ok(member) = item else { continue };
        if tx.send(internal(name, &channel, &shown(&member))).await.is_err() {
            return;
        }
    }
}

fn shown(member: &Member) -> Value {
    json!({ "id": member.id, "info": member.info })
}

/// One of pusher-js' own events, under its name.
fn internal(name: &str, channel: &str, data: &Value) -> Heard {
    Heard::Event(Event::new(name, channel, data.to_string(), None))
}

async fn states(mut states: Listener<ConnectionState>, url: String, tx: mpsc::Sender<Heard>) {
    while let Some(Ok(state)) = states.next().await {
        let heard = match state {
            ConnectionState::Connected { socket_id } => {
                Heard::Note(format!("connected to {url} as {socket_id}"))
            }
            ConnectionState::Waiting { retry_in, reason } => {
                let seconds = retry_in.as_secs_f64();
                Heard::Note(format!("{reason}; coming back in {seconds:.1} seconds"))
            }
            ConnectionState::Ended { reason: Some(reason) } => Heard::Refused(reason.to_string()),
            ConnectionState::Connecting | ConnectionState::Ended { .. } | _ => continue,
        };
        if tx.send(heard).await.is_err() {
            return;
        }
    }
}

/// Prints what is heard, until there is enough of it.
async fn print(args: &ListenArgs, mut rx: mpsc::Receiver<Heard>) -> anyhow::Result<()> {
    let mut left = args.count;
    while let Some(heard) = rx.recv().await {
        let event = match heard {
            Heard::Event(event) => event,
            Heard::Note(note) => {
                eprintln!("resound: {}", line(&note));
                continue;
            }
            Heard::Refused(reason) => bail!("{}", line(&reason)),
        };
        if !is_wanted(&args.events, &event.name) {
            continue;
        }
        let text = if args.json { as_json(&event) } else { as_text(&event) };
        match writeln!(io::stdout().lock(), "{text}") {
            // `resound listen … | head` has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
        left = left.map(|left| left - 1);
        if left == Some(0) {
            break;
        }
    }
    Ok(())
}

/// Whether the event is among those that are named: as on the wire, or as Echo's `listen` names it.
fn is_wanted(names: &[String], event: &str) -> bool {
    names.is_empty()
        || names.iter().any(|name| {
            let literal = name.strip_prefix(['.', '\\']);
            let short = event.strip_prefix(NAMESPACE);
            name == event || literal == Some(event) || short == Some(&name.replace('.', "\\"))
        })
}

fn as_text(event: &Event) -> String {
    let Event { channel, name, text, user_id, .. } = event;
    let user = user_id.as_ref().map(|id| format!(" (user {id})")).unwrap_or_default();
    line(&format!("{channel} {name}{user} {text}")).trim_end().to_owned()
}

fn as_json(event: &Event) -> String {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        channel: &'a str,
        event: &'a str,
        data: Box<RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a str>,
    }
    // In JSON there are line ends between the words only, and there they are blanks.
    let text = event.text.replace(['\n', '\r', '\t'], " ");
    let data = RawValue::from_string(text).or_else(|_| {
        serde_json::value::to_raw_value(&Some(&event.text).filter(|text| !text.is_empty()))
    });
    let line = data.and_then(|data| {
        serde_json::to_string(&Line {
            channel: &event.channel,
            event: &event.name,
            data,
            user_id: event.user_id.as_deref(),
        })
    });
    let line = line.expect("texts and JSON can be written as JSON");
    // Some terminals obey these, which JSON need not escape; here they can only be within its texts.
    line.chars().fold(String::with_capacity(line.len()), |mut line, character| {
        match character {
            c @ '\u{7f}'..='\u{9f}' => line.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => line.push(c),
        }
        line
    })
}

/// A text on one line, without what would move a terminal's cursor.
fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        Event::new(r"App\Events\Orders\Shipped", "orders", text.to_owned(), Some("7".to_owned()))
    }

    #[test]
    fn an_event_is_one_line() {
        assert_eq!(
            as_text(&event("{\n\"id\":\u{1b}[1m1}")),
            r#"orders App\Events\Orders\Shipped (user 7) {\n"id":\u{1b}[1m1}"#
        );
        let name = r#""channel":"orders","event":"App\\Events\\Orders\\Shipped""#;
        for (text, data) in [
            ("{\n\"id\":\t12345678901234567890123}", r#"{ "id": 12345678901234567890123}"#),
            ("plain\nwords", r#""plain\nwords""#),
            ("", "null"),
            ("\"a\u{9b}2J\u{7f}\"", r#""a\u009b2J\u007f""#),
            ("a\u{9b}2J", r#""a\u009b2J""#),
        ] {
            assert_eq!(as_json(&event(text)), format!(r#"{{{name},"data":{data},"user_id":"7"}}"#));
        }
    }

    #[test]
    fn events_are_named_as_on_the_wire_or_as_for_echo() {
        let wanted = |name: &str, event: &str| is_wanted(&[name.to_owned()], event);
        assert!(is_wanted(&[], "anything"));
        assert!(wanted("Orders.Shipped", r"App\Events\Orders\Shipped"));
        assert!(
            wanted(r"\App\Events\X", r"App\Events\X") && wanted(r"App\Events\X", r"App\Events\X")
        );
        assert!(
            wanted(".order.shipped", "order.shipped") && wanted("order.shipped", "order.shipped")
        );
        assert!(!wanted("Shipped", r"App\Events\Orders\Shipped"));
    }
}
