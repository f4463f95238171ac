//! Silent connections are asked, and closed when they stay silent.

use crate::{
    client::{Client, PING, PONG, Said},
    server::Server,
    settings::Settings,
};

const ASKS: &str = r#"{"event":"pusher:ping","data":"{}"}"#;

fn server() -> Server {
    Server::start(&Settings::app("ping_interval = 1\nactivity_timeout = 1"))
}

#[track_caller]
fn check_closed(mut client: Client) {
    client.expect_close(4201, "Pong reply not received in time");
}

#[test]
fn a_silent_client_is_asked_and_then_closed_although_it_never_subscribed() {
    let server = server();
    let mut client = server.connect();
    client.expect(ASKS);
    check_closed(client);
    server.wait_until_empty();
}

#[test]
fn a_client_that_uses_control_frames_is_asked_with_one() {
    let server = server();
    let mut client = server.connect();
    client.send_frame(PING, "x");
    assert_eq!(client.next(), Said::Pong(b"x".to_vec()));
    assert_eq!(client.next(), Said::Ping(Vec::new()));
    check_closed(client);
}

#[test]
fn an_answer_of_either_kind_keeps_the_connection() {
    let server = server();
    let mut message = server.connect();
    let mut control = server.connect();
    control.send_frame(PONG, "");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for answer in ["pusher:pong", "pusher:pong", "nonsense"] {
                message.expect(ASKS);
                message.send(format!(r#"{{"event":"{answer}","data":{{}}}}"#)); // any will do
            }
        });
        scope.spawn(|| {
            for _ in 0..3 {
                assert_eq!(control.next(), Said::Ping(Vec::new()));
                control.send_frame(PONG, "");
            }
        });
    });
}

#[test]
fn the_users_of_a_presence_channel_see_that_a_dead_one_leaves() {
    let server = Server::start(&Settings::app("ping_interval = 1\nactivity_timeout = 1"));
    let mut dead = server.connect();
    dead.join("presence-a", "dead");
    let mut alive = server.connect();
    alive.join("presence-a", "alive");
    loop {
        match alive.text() {
            text if text == ASKS => alive.send(r#"{"event":"pusher:pong"}"#),
            text => {
                let left = r#"{"event":"pusher_internal:member_removed","data":"{\"user_id\":\"dead\"}","channel":"presence-a"}"#;
                break assert_eq!(text, left);
            }
        }
    }
}
