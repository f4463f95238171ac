//! Which headers a question carries: the client's own, as far as they are its business, and what of its
//! handshake identifies its user.

use hyper::{
    HeaderMap,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, ORIGIN, REFERER, USER_AGENT},
};

use crate::authorise::ClientHeaders;

/// Headers that a client may give in `auth.headers`.
pub(crate) const HEADERS_MAX: usize = 32;
/// Bytes of their names and values.
pub(crate) const HEADER_BYTES_MAX: usize = 16 * 1024;

const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers that a client does not choose: those that frame the request or belong to the connection,
/// those that Resound sets, and those by which proxies and frameworks say who asked for what.
const RESERVED: [&str; 20] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method",
    "x-http-method-override",
    "x-original-url",
    "x-real-ip",
    "x-requested-with",
    "x-rewrite-url",
];
const RESERVED_PREFIXES: [&str; 2] = ["proxy-", "x-forwarded-"];

/// Says whether what a client gave is within its bounds.
pub(crate) fn are_within_bounds(given: &[(String, String)]) -> bool {
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    given.len() <= HEADERS_MAX && bytes <= HEADER_BYTES_MAX
}

/// The headers of a question, except `Host` and `Content-Length`.
///
/// What is no HTTP header is left out, line breaks among it: nothing that a client gives can become a
/// header of another name, or a second request.
pub(crate) fn of(given: &[(String, String)], handshake: &ClientHeaders) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(given.len() + 8);
    for (name, value) in given {
        let Some((name, value)) = allowed(name).zip(header_value(value)) else { continue };
        headers.insert(name, value);
    }
    let of_handshake = [
        (COOKIE, &handshake.cookie),
        (USER_AGENT, &handshake.user_agent),
        (REFERER, &handshake.referer),
        (ORIGIN, &handshake.origin),
    ];
    for (name, text) in of_handshake {
        if let Some(value) = text.as_deref().and_then(header_value) {
            headers.entry(name).or_insert(value);
        }
    }
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    headers.insert(REQUESTED_WITH, HeaderValue::from_static("XMLHttpRequest"));
    if let Some(value) = forwarded_for(handshake).as_deref().and_then(header_value) {
        headers.insert(FORWARDED_FOR, value);
    }
    headers
}

fn allowed(name: &str) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    let text = name.as_str();
    // PHP and its frameworks take `_` for `-`.
    let text = &*text.replace('_', "-");
    let is_reserved =
        RESERVED.contains(&text) || RESERVED_PREFIXES.iter().any(|p| text.starts_with(p));
    (!is_reserved).then_some(name)
}

fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.trim_matches([' ', '\t']).as_bytes()).ok()
}

/// The way that the client's request took, with the client, or the last proxy, at its end; without it if it is not known.
fn forwarded_for(handshake: &ClientHeaders) -> Option<String> {
    let peer = handshake.peer.to_canonical();
    let peer = (!peer.is_unspecified()).then(|| peer.to_string());
    let way = handshake.forwarded_for.as_deref().map(str::trim).filter(|text| !text.is_empty());
    match (way, peer) {
        (Some(way), Some(peer)) => Some(format!("{way}, {peer}")),
        (way, peer) => peer.or_else(|| way.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use expect_test::{Expect, expect};

    use super::*;

    fn nothing() -> ClientHeaders {
        ClientHeaders {
            cookie: None,
            referer: None,
            origin: None,
            user_agent: None,
            forwarded_for: None,
            peer: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
        }
    }

    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "`expect!` makes an owned value")]
    fn check(given: &[(&str, &str)], handshake: &ClientHeaders, expect: Expect) {
        let given: Vec<_> =
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut lines: Vec<_> = of(&given, handshake)
            .iter()
            .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        lines.sort();
        expect.assert_eq(&lines.concat());
    }

    #[test]
    fn a_question_without_headers_says_what_it_is() {
        check(
            &[],
            &nothing(),
            expect![[r#"
            accept: application/json
            content-type: application/x-www-form-urlencoded
            x-forwarded-for: 192.0.2.7
            x-requested-with: XMLHttpRequest
        "#]],
        );
    }

    #[test]
    fn the_handshake_identifies_the_user_and_the_client() {
        let handshake = ClientHeaders {
            cookie: Some("a_session=eyJ%3D; XSRF-TOKEN=x".into()),
            referer: Some("https://app.example/orders".into()),
            origin: Some("https://app.example".into()),
            user_agent: Some("Mozilla/5.0 (ü)".into()),
            forwarded_for: Some("203.0.113.9, 10.0.0.1".into()),
            ..nothing()
        };
        check(
            &[("X-CSRF-TOKEN", "t0ken")],
            &handshake,
            expect![[r#"
            accept: application/json
            content-type: application/x-www-form-urlencoded
            cookie: a_session=eyJ%3D; XSRF-TOKEN=x
            origin: https://app.example
            referer: https://app.example/orders
            user-agent: Mozilla/5.0 (ü)
            x-csrf-token: t0ken
            x-forwarded-for: 203.0.113.9, 10.0.0.1, 192.0.2.7
            x-requested-with: XMLHttpRequest
        "#]],
        );
    }

    #[test]
    fn a_client_whose_address_is_not_known_adds_nothing_to_the_way() {
        let unknown = |way: Option<&str>| {
            let peer = Ipv4Addr::UNSPECIFIED.into();
            let headers = ClientHeaders { forwarded_for: way.map(Into::into), peer, ..nothing() };
            of(&[], &headers).get(FORWARDED_FOR).cloned()
        };
        assert_eq!(unknown(None), None);
        assert_eq!(unknown(Some("203.0.113.9")), Some(HeaderValue::from_static("203.0.113.9")));
    }

    #[test]
    fn what_the_client_gives_goes_before_its_handshake() {
        let handshake = ClientHeaders {
            cookie: Some("a=handshake".into()),
            referer: Some("https://handshake.example/".into()),
            origin: Some("https://handshake.example".into()),
            user_agent: Some("handshake".into()),
            ..nothing()
        };
        let given = [
            ("authorization", "Bearer 1|abc"),
            ("Cookie", "a=given"),
            ("ACCEPT", "text/html"),
            ("Referer", "https://given.example/"),
            ("Origin", "https://given.example"),
            ("User-Agent", "given"),
            ("X-Socket-Id", " 1.2 "),
        ];
        check(
            &given,
            &handshake,
            expect![[r#"
            accept: text/html
            authorization: Bearer 1|abc
            content-type: application/x-www-form-urlencoded
            cookie: a=given
            origin: https://given.example
            referer: https://given.example/
            user-agent: given
            x-forwarded-for: 192.0.2.7
            x-requested-with: XMLHttpRequest
            x-socket-id: 1.2
        "#]],
        );
    }

    #[test]
    fn what_is_not_the_clients_business_is_left_out() {
        let names = RESERVED.iter().copied();
        let more = [
            "Proxy-Authorization",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "Host",
            "HOST ",
            "X_Forwarded_For",
            "X_HTTP_Method_Override",
        ];
        let given: Vec<_> = names.chain(more).map(|name| (name, "evil")).collect();
        check(
            &given,
            &nothing(),
            expect![[r#"
            accept: application/json
            content-type: application/x-www-form-urlencoded
            x-forwarded-for: 192.0.2.7
            x-requested-with: XMLHttpRequest
        "#]],
        );
    }

    #[test]
    fn what_is_no_header_is_left_out() {
        let given = [
            ("X-A", "a\r\nX-Evil: 1"),
            ("X-B", "a\nX-Evil: 1"),
            ("X-C", "a\rX-Evil: 1"),
            ("X-D", "a\0"),
            ("X-E: 1\r\nX-Evil", "1"),
            ("", "empty"),
            ("X Y", "blank"),
            ("X-Ü", "umlaut"),
            ("X-F", "a\u{7f}"),
        ];
        check(
            &given,
            &nothing(),
            expect![[r#"
            accept: application/json
            content-type: application/x-www-form-urlencoded
            x-forwarded-for: 192.0.2.7
            x-requested-with: XMLHttpRequest
        "#]],
        );
    }

    #[test]
    fn of_one_header_given_twice_the_last_counts() {
        check(
            &[("X-A", "1"), ("x-a", "2")],
            &nothing(),
            expect![[r#"
            accept: application/json
            content-type: application/x-www-form-urlencoded
            x-a: 2
            x-forwarded-for: 192.0.2.7
            x-requested-with: XMLHttpRequest
        "#]],
        );
    }

    #[test]
    fn headers_are_bounded_in_number_and_bytes() {
        let many = |count: usize, bytes: usize| -> Vec<_> {
            (0..count).map(|n| (format!("x-{n:02}"), "v".repeat(bytes - 4))).collect()
        };
        assert!(are_within_bounds(&many(HEADERS_MAX, HEADER_BYTES_MAX / HEADERS_MAX)));
        assert!(!are_within_bounds(&many(HEADERS_MAX, HEADER_BYTES_MAX / HEADERS_MAX + 1)));
        assert!(!are_within_bounds(&many(HEADERS_MAX + 1, 5)));
    }
}
