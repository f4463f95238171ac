//! `POST /users/{id}/terminate_connections`.

use crate::{client::error, http::signed_target, server::Server};

const MESSAGE: &str = "You got disconnected by the app.";

#[test]
fn all_connections_of_a_user_are_closed_with_4009_and_no_others() {
    let server = Server::default();
    let [mut signed_in, mut tab, mut member, mut other] =
        [server.connect(), server.connect(), server.connect(), server.connect()];
    signed_in.sign_in(r#"{"id":"7"}"#);
    tab.sign_in(r#"{"id":"7"}"#);
    member.join("presence-a", "7");
    other.sign_in(r#"{"id":"77"}"#);
    server.post("/users/7/terminate_connections", "{}").check(200, "{}");
    for client in [&mut signed_in, &mut tab, &mut member] {
        client.expect(error(4009, MESSAGE));
        client.expect_close(4009, MESSAGE);
    }
    other.expect_pong();
    server.query("/connections", &[]).check(200, r#"{"connections":1}"#);
}

#[test]
fn a_user_who_is_not_there_is_no_error() {
    let server = Server::default();
    server.post("/users/nobody/terminate_connections", "{}").check(200, "{}");
    server.post("/users/nobody/terminate_connections", "").check(200, "{}");
}

/// Libraries sign the path as they know it; what they send is escaped. Reverb answers 401.
#[test]
fn user_ids_with_blanks_letters_and_percent_signs_are_found() {
    let server = Server::default();
    for (id, escaped) in [
        ("a b", "a%20b"),
        ("Zoë", "Zo%C3%AB"),
        ("a@b.c", "a@b.c"),
        ("50%", "50%25"),
        ("a+b", "a+b"),
    ] {
        let mut client = server.connect();
        client.sign_in(&format!(r#"{{"id":"{id}"}}"#));
        let signed =
            signed_target("POST", &format!("/users/{id}/terminate_connections"), &[], "{}");
        let (_, query) = signed.split_once('?').expect("a query");
        let target = format!("/apps/1001/users/{escaped}/terminate_connections?{query}");
        server.http().request("POST", &target, "", "{}").check(200, "{}");
        client.expect(error(4009, MESSAGE));
        client.expect_close(4009, MESSAGE);
        // Signed as it is sent, which is what a client does that escapes first.
        let mut client = server.connect();
        client.sign_in(&format!(r#"{{"id":"{id}"}}"#));
        server.post(&format!("/users/{escaped}/terminate_connections"), "{}").check(200, "{}");
        client.expect(error(4009, MESSAGE));
        client.expect_close(4009, MESSAGE);
    }
}
