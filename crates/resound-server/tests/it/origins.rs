//! Which pages may connect.

use crate::{
    client::{Said, error},
    server::Server,
    settings::Settings,
};

#[track_caller]
fn check(allowed: &[&str], welcome: &[&str], refused: &[&str]) {
    let server = Server::start(&Settings::app(&format!("allowed_origins = {allowed:?}")));
    for origin in welcome {
        server.open_with("/app/resound-key", &format!("Origin: {origin}\r\n")).greet();
    }
    for origin in refused {
        let mut client = server.open_with("/app/resound-key", &format!("Origin: {origin}\r\n"));
        assert_eq!(
            client.next(),
            Said::Text(error(4009, "Origin not allowed")),
            "{allowed:?} must refuse {origin}"
        );
        client.expect_close(4009, "Origin not allowed");
    }
    server.open("/app/resound-key").greet(); // no Origin: no browser
}

#[test]
fn the_star_allows_every_origin() {
    check(&["*"], &["http://a.example", "https://b.example:8443", "null"], &[]);
}

#[test]
fn a_host_allows_every_scheme_and_port_of_it() {
    check(
        &["a.example"],
        &["http://a.example", "https://a.example:8443", "https://A.EXAMPLE"],
        &["http://b.a.example", "http://a.example.evil.example", "http://xa.example", "null", ""],
    );
}

#[test]
fn a_full_origin_allows_itself_alone() {
    check(
        &["https://a.example", "http://b.example:3000"],
        &["https://a.example", "http://b.example:3000"],
        &["http://a.example", "https://a.example:8443", "http://b.example", "http://c.example"],
    );
}

#[test]
fn wildcards_stand_for_subdomains() {
    check(
        &["*.a.example", "https://*.b.example:8443"],
        &["http://x.a.example", "https://x.y.a.example", "https://x.b.example:8443"],
        &[
            "http://a.example",
            "http://xa.example",
            "http://x.b.example:8443",
            "https://x.b.example",
        ],
    );
}
