//! What the rules cost, without sockets: `cargo bench -p resound-hub`.

use divan::{Bencher, black_box};
use resound_hub::{
    app::{App, AppOptions, Apps, LiveApp},
    authorise::AuthRequest,
    hub::{Admission, Hub},
    peer::{ChannelKey, PeerMessage, ShardId, Slot},
    recovery::Return,
    sink::{Note, Sink, Who},
    time::Now,
};
use resound_protocol::{
    api::{EventBody, Info},
    channel::ChannelName,
    error::ClientError,
    member::Member,
    signature::channel_auth,
    socket_id::SocketId,
    webhook::What,
    websocket::Frame,
};

fn main() {
    divan::main();
}

/// Looks at every receiver, as a server has to, and drops what is sent.
struct Null;

impl Sink for Null {
    fn send(&mut self, to: Slot, frame: &Frame) {
        black_box((to, frame));
    }

    fn fan_out(&mut self, to: &[Slot], except: Option<Slot>, frame: &Frame, _: Option<Now>) {
        for slot in to.iter().filter(|slot| Some(**slot) != except) {
            self.send(*slot, frame);
        }
    }

    fn ping(&mut self, _: Slot) {}

    fn close(&mut self, _: Slot, _: &ClientError) {}

    fn peer(&mut self, _: ShardId, _: PeerMessage) {}

    fn authorise(&mut self, _: AuthRequest) {}

    fn hand_over(&mut self, _: Slot, _: ShardId, _: Return) {}

    fn happened(&mut self, _: &ChannelKey, _: What) {}

    fn members_changed(&mut self, _: &ChannelKey, _: &[&Member]) {}

    fn resumed(&mut self, _: Slot, _: SocketId) {}

    fn note(&mut self, _: &Who<'_>, _: Note<'_>) {}
}

fn now() -> Now {
    Now::from_seconds(1)
}

/// One shard with connections in the slots from 0 on.
fn hub(connections: u32) -> Hub {
    let options = AppOptions { client_events_per_second: None, ..AppOptions::default() };
    let app = App { id: "app".into(), key: "key".into(), secret: "secret".into(), options };
    let mut hub = Hub::new(0, 1, Apps::new([app]).into());
    let client = Admission { key: "key", ..Admission::default() };
    let number = hub.admit(&client).expect("the key is known");
    for slot in 0..connections {
        let socket_id = SocketId::from_random(u64::from(slot) << 40);
        hub.connect(slot, number, socket_id, now(), &mut Null).expect("there is no quota");
    }
    hub
}

fn subscribe(hub: &mut Hub, slot: Slot, channel: &str) {
    let socket_id = hub.socket_id(slot).expect("it is connected").to_string();
    let signer = hub.app_of(slot).expect("it is connected").signer();
    let auth = channel_auth("key", signer, &socket_id, channel, None);
    let data = format!(r#"{{"channel":"{channel}","auth":"{auth}"}}"#);
    hub.receive(
        slot,
        &format!(r#"{{"event":"pusher:subscribe","data":{data}}}"#),
        now(),
        &mut Null,
    );
}

#[divan::bench]
fn ping(bencher: Bencher<'_, '_>) {
    let mut hub = hub(1);
    let message = r#"{"event":"pusher:ping","data":{}}"#;
    bencher.bench_local(|| hub.receive(0, black_box(message), now(), &mut Null));
}

#[divan::bench]
fn subscribe_and_unsubscribe(bencher: Bencher<'_, '_>) {
    let mut hub = hub(1);
    let subscribe = r#"{"event":"pusher:subscribe","data":{"auth":"","channel":"orders.7"}}"#;
    let unsubscribe = r#"{"event":"pusher:unsubscribe","data":{"channel":"orders.7"}}"#;
    bencher.bench_local(|| {
        hub.receive(0, black_box(subscribe), now(), &mut Null);
        hub.receive(0, black_box(unsubscribe), now(), &mut Null);
    });
}

#[divan::bench]
fn connect_and_disconnect(bencher: Bencher<'_, '_>) {
    let mut hub = hub(1);
    let client = Admission { key: "key", ..Admission::default() };
    let socket_id = SocketId::from_random(7);
    bencher.bench_local(|| {
        let number = hub.admit(black_box(&client)).expect("the key is known");
        hub.connect(1, number, socket_id, now(), &mut Null).expect("there is no quota");
        hub.disconnect(1, now(), &mut Null);
    });
}

#[divan::bench]
fn client_event_to_10_members(bencher: Bencher<'_, '_>) {
    let mut hub = hub(10);
    (0..10).for_each(|slot| subscribe(&mut hub, slot, "private-a"));
    let message = r#"{"event":"client-typing","channel":"private-a","data":{"name":"Zoë"}}"#;
    bencher.bench_local(|| hub.receive(0, black_box(message), now(), &mut Null));
}

#[divan::bench]
fn publish_to_1000_subscribers(bencher: Bencher<'_, '_>) {
    let mut hub = hub(1000);
    (0..1000).for_each(|slot| subscribe(&mut hub, slot, "private-a"));
    let app: std::sync::Arc<LiveApp> = hub.apps().by_id("app").expect("it is there").clone();
    let event = EventBody {
        name_json: r#""App\\Events\\OrderShipped""#,
        data_json: r#""{\"id\":7,\"status\":\"shipped\"}""#,
        channels: vec![ChannelName::parse("private-a", 200).expect("a name")],
        socket_id: None,
        info: Info::default(),
    };
    bencher.bench_local(|| hub.publish(&app, black_box(&event), now(), &mut Null));
}
