//! Which pages may connect.

/// One entry of `allowed_origins`: a full origin, a host, or either with `*`.
///
/// Reverb compares hosts only, so that an entry with a scheme never matches; here it matches the
/// scheme too. A pattern without a scheme matches every scheme, one without a port every port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern {
    scheme: Option<Box<str>>,
    host: Box<str>,
    port: Option<Box<str>>,
}

impl OriginPattern {
    /// The pattern `*`.
    pub fn any() -> Self {
        Self { scheme: None, host: "*".into(), port: None }
    }

    /// Reads `https://a.example:8443`, `https://*.a.example`, `a.example`, `*.a.example` or `*`.
    /// Returns `None` for what can match no origin: an empty text, a path, a blank, a port that is
    /// no number.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        if text.is_empty() || text.contains(char::is_whitespace) {
            return None;
        }
        let (scheme, host, port) = split(&text);
        let port_is_valid = port.is_none_or(|p| p == "*" || p.parse::<u16>().is_ok());
        if host.is_empty() || host.contains('/') || !port_is_valid || scheme == Some("") {
            return None;
        }
        Some(Self { scheme: scheme.map(Into::into), host: host.into(), port: port.map(Into::into) })
    }

    /// Says whether this entry allows `origin`, the value of an `Origin` header.
    pub fn matches(&self, origin: &str) -> bool {
        if &*self.host == "*" && self.scheme.is_none() && self.port.is_none() {
            return true;
        }
        let origin = origin.to_ascii_lowercase();
        let (scheme, host, port) = split(&origin);
        // `https://a.example` as an entry means the default port only when the entry has a scheme.
        let port_matches = match (&self.port, &self.scheme) {
            (Some(wanted), _) => glob(wanted, port.or(default_port(scheme)).unwrap_or("")),
            (None, Some(_)) => port.is_none() || port == default_port(scheme),
            (None, None) => true,
        };
        let scheme_matches = self.scheme.as_deref().is_none_or(|s| glob(s, scheme.unwrap_or("")));
        port_matches && scheme_matches && glob(&self.host, host)
    }
}

fn default_port(scheme: Option<&str>) -> Option<&'static str> {
    match scheme {
        Some("https") => Some("443"),
        Some("http") => Some("80"),
        _ => None,
    }
}

/// Splits an origin into scheme, host and port; a bracketed IPv6 address keeps its colons.
fn split(origin: &str) -> (Option<&str>, &str, Option<&str>) {
    let (scheme, rest) = match origin.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, origin),
    };
    let after_address = rest.rfind(']').unwrap_or(0);
    match rest[after_address..].rfind(':') {
        Some(colon) => {
            let colon = after_address + colon;
            (scheme, &rest[..colon], Some(&rest[colon + 1..]))
        }
        None => (scheme, rest, None),
    }
}

/// Matches a text against a pattern in which `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, allowed: &[&str], refused: &[&str]) {
        let pattern = OriginPattern::parse(pattern).expect("a pattern");
        for origin in allowed {
            assert!(pattern.matches(origin), "{pattern:?} must allow {origin}");
        }
        for origin in refused {
            assert!(!pattern.matches(origin), "{pattern:?} must refuse {origin}");
        }
    }

    #[test]
    fn a_host_allows_every_scheme_and_port() {
        check(
            "a.example",
            &["https://a.example", "http://a.example:3000", "https://A.Example"],
            &["https://b.example", "https://xa.example", "https://a.example.evil", "null", ""],
        );
    }

    #[test]
    fn a_full_origin_allows_only_itself() {
        check(
            "https://a.example",
            &["https://a.example", "https://a.example:443"],
            &["http://a.example", "https://a.example:8443", "https://a.example.evil"],
        );
        check("http://localhost:3000", &["http://localhost:3000"], &["http://localhost"]);
        check("https://a.example/", &["https://a.example"], &["https://b.example"]);
    }

    #[test]
    fn wildcards_stand_for_any_run_of_characters() {
        check("*", &["https://a.example", "null", ""], &[]);
        check(
            "*.a.example",
            &["https://b.a.example", "http://x.y.a.example:1"],
            &["https://a.example"],
        );
        check("https://*.a.example:*", &["https://b.a.example:9"], &["http://b.a.example:9"]);
        check("a*c*e", &["http://abcde", "http://ace"], &["http://abcd", "http://ae"]);
    }

    #[test]
    fn addresses_with_colons_keep_them() {
        check("[::1]", &["http://[::1]:8080", "http://[::1]"], &["http://[::2]"]);
        check("http://[::1]:8080", &["http://[::1]:8080"], &["http://[::1]:8081"]);
    }

    #[test]
    fn what_can_match_nothing_is_no_pattern() {
        for text in ["", " ", "https://", "a.example/path", "a b", "a.example:port", "://a"] {
            assert_eq!(OriginPattern::parse(text), None, "{text:?}");
        }
    }
}
