//! Which channels of Redis are ours, and which look like those of a Laravel application that we were
//! not told of.
//!
//! Each pattern that is subscribed to brings a message of its own, so that one which fits several
//! comes several times: it counts only when it comes by the pattern that [`Prefixes::sort`] expects.

/// What a channel's name may have in it that is not ours and still comes from Laravel: the ends of
/// its usual prefixes, and the beginnings of its channels.
const TRACES: [&str; 4] = ["_database_", "-database-", "private-", "presence-"];
/// How many of them end a prefix; the others follow it.
const PREFIX_ENDS: usize = 2;

/// The prefixes that events may have.
#[derive(Debug)]
pub(crate) struct Prefixes(Vec<Own>);

#[derive(Debug)]
struct Own {
    prefix: String,
    pattern: Vec<u8>,
}

/// What a message is to us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival<'a> {
    /// One of our channels: its name without the prefix.
    Ours(&'a [u8]),
    /// It seems to be for a channel with another prefix, namely this one.
    Foreign(&'a [u8]),
    /// The same message comes by another pattern.
    Repeated,
}

impl Prefixes {
    pub(crate) fn new(prefixes: &[String]) -> Self {
        let own = |prefix: &String| {
            let pattern = [escape(prefix.as_bytes()), b"*".to_vec()].concat();
            Own { prefix: prefix.clone(), pattern }
        };
        Self(prefixes.iter().map(own).collect())
    }

    /// The patterns of our channels.
    pub(crate) fn own_patterns(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.iter().map(|own| &own.pattern[..])
    }

    /// The patterns of channels that may be meant for us.
    pub(crate) fn near_patterns(&self) -> Vec<Vec<u8>> {
        if self.take_all() {
            return Vec::new();
        }
        TRACES.iter().map(|trace| near_pattern(trace)).collect()
    }

    /// Whether every channel is ours.
    pub(crate) fn take_all(&self) -> bool {
        self.0.iter().any(|own| own.prefix.is_empty())
    }

    /// Says what a message is that has come by a pattern.
    pub(crate) fn sort<'a>(&self, pattern: &[u8], channel: &'a [u8]) -> Arrival<'a> {
        let fits = |own: &&Own| channel.starts_with(own.prefix.as_bytes());
        if let Some(own) = self.0.iter().filter(fits).max_by_key(|own| own.prefix.len()) {
            let is_it = own.pattern == pattern;
            return if is_it {
                Arrival::Ours(&channel[own.prefix.len()..])
            } else {
                Arrival::Repeated
            };
        }
        match foreign(channel) {
            Some((trace, prefix)) if near_pattern(trace) == pattern => Arrival::Foreign(prefix),
            _ => Arrival::Repeated,
        }
    }

    /// The prefixes, for people.
    pub(crate) fn shown(&self) -> String {
        let shown: Vec<_> = self.0.iter().map(|own| format!("{:?}", own.prefix)).collect();
        shown.join(" or ")
    }
}

/// The prefix that a channel seems to have.
pub(crate) fn foreign_prefix(channel: &[u8]) -> Option<&[u8]> {
    foreign(channel).map(|(_, prefix)| prefix)
}

/// What gives a channel away, and the prefix that it seems to have.
fn foreign(channel: &[u8]) -> Option<(&'static str, &[u8])> {
    TRACES.iter().enumerate().find_map(|(which, trace)| {
        let at = memchr::memmem::find(channel, trace.as_bytes())?;
        let end = if which < PREFIX_ENDS { at + trace.len() } else { at };
        Some((*trace, &channel[..end]))
    })
}

fn near_pattern(trace: &str) -> Vec<u8> {
    format!("*{trace}*").into_bytes()
}

/// Takes their meaning from the signs that have one in a pattern.
fn escape(prefix: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'*' | b'?' | b'[' | b']' | b'\\' => vec![b'\\', *byte],
        other => vec![*other],
    };
    prefix.iter().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(prefixes: &[&str]) -> Prefixes {
        Prefixes::new(&prefixes.iter().map(|prefix| (*prefix).to_owned()).collect::<Vec<_>>())
    }

    /// What arrives of one message, by all the patterns that it fits.
    #[track_caller]
    fn arrivals<'a>(prefixes: &Prefixes, channel: &'a str) -> Vec<Arrival<'a>> {
        let fits = |pattern: &[u8]| match pattern.strip_suffix(b"*").expect("every pattern has one")
        {
            [b'*', trace @ ..] => memchr::memmem::find(channel.as_bytes(), trace).is_some(),
            prefix => channel.as_bytes().starts_with(prefix),
        };
        let near = prefixes.near_patterns();
        let patterns = prefixes.own_patterns().chain(near.iter().map(|pattern| &pattern[..]));
        let sorted = patterns.filter(|p| fits(p)).map(|p| prefixes.sort(p, channel.as_bytes()));
        sorted.filter(|arrival| *arrival != Arrival::Repeated).collect()
    }

    #[track_caller]
    fn check(own: &[&str], channel: &str, expected: &[Arrival<'_>]) {
        assert_eq!(arrivals(&prefixes(own), channel), expected, "{channel}");
    }

    const BOTH: &[&str] = &["a_database_", "a-database-"];

    #[test]
    fn a_message_arrives_once_whatever_patterns_it_fits() {
        check(BOTH, "a_database_news", &[Arrival::Ours(b"news")]);
        check(BOTH, "a-database-private-x", &[Arrival::Ours(b"private-x")]);
        check(BOTH, "a_database_a-database-presence-x", &[Arrival::Ours(b"a-database-presence-x")]);
        check(&["a", "ab"], "abc", &[Arrival::Ours(b"c")]);
        check(&[""], "a_database_private-x", &[Arrival::Ours(b"a_database_private-x")]);
    }

    #[test]
    fn a_foreign_prefix_is_seen_once() {
        check(BOTH, "b_database_private-x", &[Arrival::Foreign(b"b_database_")]);
        check(BOTH, "b-database-news", &[Arrival::Foreign(b"b-database-")]);
        check(BOTH, "b:private-presence-x", &[Arrival::Foreign(b"b:")]);
        check(BOTH, "presence-x", &[Arrival::Foreign(b"")]);
        check(BOTH, "__keyspace@0__:foo", &[]);
    }

    #[test]
    fn a_prefix_is_taken_literally() {
        let prefixes = prefixes(&["a*[b]?\\"]);
        assert_eq!(prefixes.own_patterns().collect::<Vec<_>>(), [br"a\*\[b\]\?\\*"]);
    }
}
