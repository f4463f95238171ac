//! `POST /events` and `POST /batch_events`.

use serde_json::json;

use crate::{
    client::event,
    http::Answer,
    server::Server,
    settings::{SECRET, Settings},
};

/// Checks a body that is refused with 422, in Laravel's words.
#[track_caller]
fn check_fields(server: &Server, path: &str, body: &str, fields: &[(&str, &str)]) {
    let answer = server.post(path, body);
    assert_eq!(answer.status, 422, "{body}: {answer:?}");
    let errors: serde_json::Map<_, _> =
        fields.iter().map(|(name, message)| ((*name).to_owned(), json!([message]))).collect();
    let expected = json!({ "error": fields[0].1, "code": 422, "errors": errors });
    assert_eq!(answer.json(), expected, "{body}");
}

#[test]
fn an_event_is_published_to_one_channel_or_to_several() {
    let server = Server::default();
    let [mut a, mut b, mut both] = [server.connect(), server.connect(), server.connect()];
    a.subscribe("a");
    b.subscribe("b");
    both.subscribe("a");
    both.subscribe("b");
    server.post("/events", r#"{"name":"e","channel":"a","data":"1"}"#).check(200, "{}");
    server.post("/events", r#"{"name":"e","channels":["b"],"data":"2"}"#).check(200, "{}");
    server.post("/events", r#"{"name":"e","channels":["a","b"],"data":"3"}"#).check(200, "{}");
    server.post("/events", r#"{"name":"e","channels":["a"],"channel":"b","data":"4"}"#);
    for data in ["1", "3", "4"] {
        a.expect(event("e", "a", data));
    }
    for data in ["2", "3"] {
        b.expect(event("e", "b", data));
    }
    let mut seen: Vec<String> = (0..5).map(|_| both.text()).collect();
    seen.sort();
    let expected = [("a", "1"), ("a", "3"), ("a", "4"), ("b", "2"), ("b", "3")];
    assert_eq!(seen, expected.map(|(channel, data)| event("e", channel, data)));
}

#[test]
fn an_answer_to_an_event_tells_what_info_asks_for() {
    let server = Server::default();
    let [mut ann, mut tab] = [server.connect(), server.connect()];
    for client in [&mut ann, &mut tab] {
        client.subscribe("news");
        client.join("presence-a", "ann");
    }
    let ask = |info: &str| {
        let channels = json!(["news", "presence-a", "nobody"]);
        let body = json!({ "name": "e", "channels": channels, "data": "1", "info": info });
        server.post("/events", &body.to_string())
    };
    ask("user_count,subscription_count").check(
        200,
        r#"{"channels":{"news":{"subscription_count":2},"nobody":{"subscription_count":0},"presence-a":{"user_count":1}}}"#,
    );
    ask("user_count")
        .check(200, r#"{"channels":{"news":{},"nobody":{},"presence-a":{"user_count":1}}}"#);
    ask("").check(200, "{}");
    ask("unknown").check(200, "{}");
}

#[test]
fn a_batch_is_published_and_answered_event_by_event() {
    let server = Server::default();
    let mut client = server.connect();
    client.subscribe("a");
    let body = r#"{"batch":[{"channel":"a","name":"e1","data":"1"},{"channel":"b","name":"e2","data":"2"}]}"#;
    server.post("/batch_events", body).check(200, "{}");
    let body = r#"{"batch":[
        {"channel":"a","name":"e1","data":"3","info":"subscription_count"},
        {"channel":"presence-b","name":"e2","data":"4","info":"user_count"},
        {"channel":"a","name":"e3","data":"5"}]}"#;
    server
        .post("/batch_events", body)
        .check(200, r#"{"batch":[{"subscription_count":1},{"user_count":0},{}]}"#);
    for (name, data) in [("e1", "1"), ("e1", "3"), ("e3", "5")] {
        client.expect(event(name, "a", data));
    }
}

#[test]
fn the_connection_of_socket_id_does_not_get_the_event() {
    let server = Server::default();
    let mut clients = [server.connect(), server.connect(), server.connect(), server.connect()];
    for client in &mut clients {
        client.subscribe("news");
    }
    for excluded in 0..4 {
        let socket_id = clients[excluded].socket_id.clone();
        let body = json!({ "name": "e", "channel": "news", "data": "x", "socket_id": socket_id });
        server.post("/events", &body.to_string()).check(200, "{}");
        let batch = json!({ "batch": [body] });
        server.post("/batch_events", &batch.to_string()).check(200, "{}");
        server.publish("news", "all", "x");
        for (at, client) in clients.iter_mut().enumerate() {
            if at != excluded {
                client.expect(event("e", "news", "x"));
                client.expect(event("e", "news", "x"));
            }
            client.expect(event("all", "news", "x"));
        }
    }
    let body = r#"{"name":"e","channel":"news","data":"x","socket_id":"1.1"}"#;
    server.post("/events", body).check(200, "{}");
    for client in &mut clients {
        client.expect(event("e", "news", "x"));
    }
}

#[test]
fn a_body_that_is_no_json_object_is_refused_with_400() {
    let server = Server::default();
    for (body, reason) in [
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("name=a&data=b", "it does not begin with {"),
        ("[]", "it does not begin with {"),
        ("\"x\"", "it does not begin with {"),
    ] {
        for path in ["/events", "/batch_events"] {
            let message = format!("The body is not a JSON object: {reason}.");
            server.post(path, body).check_error(400, &message);
        }
    }
    for body in ["{", "{\"name\":}", "{\"name\":\"\\x\"}", "{}{}"] {
        let answer: Answer = server.post("/events", body);
        assert_eq!(answer.status, 400, "{body}");
    }
}

#[test]
fn a_missing_or_wrong_field_is_refused_with_422_as_laravel_says_it() {
    let server = Server::default();
    for (body, field, message) in [
        (r#"{"data":"x","channel":"a"}"#, "name", "The name field is required."),
        (r#"{"name":"","data":"x","channel":"a"}"#, "name", "The name field is required."),
        (r#"{"name":7,"data":"x","channel":"a"}"#, "name", "The name field must be a string."),
        (r#"{"name":"e","channel":"a"}"#, "data", "The data field is required."),
        (r#"{"name":"e","data":"","channel":"a"}"#, "data", "The data field is required."),
        (r#"{"name":"e","data":{},"channel":"a"}"#, "data", "The data field must be a string."),
        (
            r#"{"name":"e","data":"x","channels":"a"}"#,
            "channels",
            "The channels field must be an array.",
        ),
        (r#"{"name":"e","data":"x","channels":[]}"#, "channels", "The channels field is required."),
        (
            r#"{"name":"e","data":"x","channels":["a",7]}"#,
            "channels.1",
            "The channels.1 field must be a string.",
        ),
        (
            r#"{"name":"e","data":"x","channel":"a b"}"#,
            "channel",
            "The channel field is no channel name: a channel name has only letters, digits and \
             _-=@,.; but this one has ' '.",
        ),
        (
            r#"{"name":"e","data":"x","channel":"a","socket_id":"x"}"#,
            "socket_id",
            "The socket_id field must be two numbers joined by a dot, as \
             pusher.connection.socket_id is.",
        ),
        (
            r#"{"name":"pusher:ping","data":"x","channel":"a"}"#,
            "name",
            "The name field must not begin with pusher: or pusher_internal:, which are reserved.",
        ),
        (
            r#"{"name":"pusher_internal:member_added","data":"x","channel":"a"}"#,
            "name",
            "The name field must not begin with pusher: or pusher_internal:, which are reserved.",
        ),
    ] {
        check_fields(&server, "/events", body, &[(field, message)]);
    }
    check_fields(
        &server,
        "/events",
        r#"{"name":"e","data":"x"}"#,
        &[
            ("channels", "The channels field is required when channel is not present."),
            ("channel", "The channel field is required when channels is not present."),
        ],
    );
}

#[test]
fn a_wrong_batch_is_refused_as_a_whole() {
    let server = Server::default();
    let mut client = server.connect();
    client.subscribe("a");
    for (body, field, message) in [
        ("{}", "batch", "The batch field is required."),
        (r#"{"batch":[]}"#, "batch", "The batch field is required."),
        (r#"{"batch":{}}"#, "batch", "The batch field must be an array."),
        (r#"{"batch":[7]}"#, "batch.0", "The batch.0 field must be an object."),
        (
            r#"{"batch":[{"channel":"a","name":"lost","data":"x"},{"channel":"a","name":"e"}]}"#,
            "batch.1.data",
            "The batch.1.data field is required.",
        ),
        (
            r#"{"batch":[{"channels":["a"],"name":"e","data":"x"}]}"#,
            "batch.0.channel",
            "The batch.0.channel field is required.",
        ),
    ] {
        check_fields(&server, "/batch_events", body, &[(field, message)]);
    }
    server.publish("a", "next", "x");
    client.expect(event("next", "a", "x"));
}

#[test]
fn an_unknown_app_is_refused_with_404_and_a_disabled_one_with_403() {
    let server =
        Server::start(&Settings::default().with_app("2", "off", SECRET, "enabled = false"));
    for method in ["GET", "POST"] {
        let path = if method == "GET" { "channels" } else { "events" };
        let unknown = server.http().request(method, &format!("/apps/nope/{path}"), "", "");
        unknown.check_error(404, "No matching application for ID [nope].");
        let disabled = server.http().request(method, &format!("/apps/2/{path}"), "", "");
        disabled.check_error(403, "The application is disabled (enabled).");
    }
}

#[test]
fn the_welcome_page_of_a_configured_app_publishes_nothing_without_a_signature() {
    let server = Server::default();
    let headers =
        format!("X-Requested-With: resound-welcome\r\nOrigin: http://{}\r\n", server.address);
    let body = r#"{"name":"e","channel":"a","data":"x"}"#;
    let answer = server.http().request("POST", "/welcome/events", &headers, body);
    answer.check_error(
        403,
        "Events without a signature are taken from this server's own welcome page only, for the \
         development app.",
    );
}
