//! The query string of a request, read as PHP and Pusher's libraries write it.

use std::{borrow::Cow, iter};

use memchr::{memchr, memchr2};
use smallvec::SmallVec;

/// Parameters for which room is on the stack: the four of the signature and as many of a call's own.
const PARAMETERS_INLINE: usize = 8;

/// The parameters of a query string, decoded and sorted by key.
///
/// Keys are in lower case, as they are signed. The elements of an array, `info[]=a&info[]=b` or
/// `info[0]=a&info[1]=b`, are one parameter `info`, whose value is `a,b`. The API takes its parameters
/// from here too, so that what is used is what was signed.
///
/// ```
/// use resound_protocol::signature::Query;
///
/// let query = Query::parse("info%5B%5D=user_count&info[]=cache&Filter_by_prefix=a+b%2B");
/// assert_eq!(query.value("info").as_deref(), Some("user_count,cache"));
/// assert_eq!(query.value("filter_by_prefix").as_deref(), Some("a b+"));
/// assert_eq!(query.value("auth_key"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<'a>(SmallVec<[Parameter<'a>; PARAMETERS_INLINE]>);

/// One `key=value` of the query string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    /// In lower case, without the brackets of an array.
    pub(super) key: Cow<'a, [u8]>,
    pub(super) value: Cow<'a, [u8]>,
    /// Whether the same key may occur again.
    pub(super) shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Single,
    /// An element of an array.
    Element,
}

impl<'a> Query<'a> {
    /// Reads a query string, with or without the `?` in front. It never fails: what is not well-formed
    /// stands for itself.
    pub fn parse(raw_query: &'a str) -> Self {
        let mut rest = raw_query.strip_prefix('?').unwrap_or(raw_query).as_bytes();
        let encoding = Encoding::of(rest);
        let mut parameters = SmallVec::new();
        while !rest.is_empty() {
            let pair =
                rest.split_off(..memchr(b'&', rest).unwrap_or(rest.len())).unwrap_or_default();
            rest = rest.get(1..).unwrap_or_default();
            if !pair.is_empty() {
                parameters.push(Parameter::parse(pair, encoding));
            }
        }
        // Stable, so that the elements of an array stay in their order.
        parameters.sort_by(|a: &Parameter<'_>, b| a.key.cmp(&b.key));
        Self(parameters)
    }

    /// The value of a parameter, given its key in lower case; the elements of an array are joined by
    /// commas, and of a parameter that is given twice the last counts (such a request is not signed
    /// by any library, and [`verify_request`](super::verify_request) refuses it). Bytes that are not
    /// UTF-8 become U+FFFD.
    pub fn value(&self, key: &str) -> Option<Cow<'_, str>> {
        let group = self.groups().find(|group| *group[0].key == *key.as_bytes())?;
        let [.., last] = group else { return None };
        if group.len() == 1 || last.shape == Shape::Single {
            return Some(String::from_utf8_lossy(&last.value));
        }
        let values: Vec<_> = group.iter().map(|element| &*element.value).collect();
        Some(String::from_utf8_lossy(&values.join(&b',')).into_owned().into())
    }

    /// The parameters in order, those with the same key together.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[Parameter<'a>]> {
        self.0.chunk_by(|a, b| a.key == b.key)
    }
}

impl<'a> Parameter<'a> {
    fn parse(pair: &'a [u8], encoding: Encoding) -> Self {
        let end_of_key = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (key, value) = pair.split_at(end_of_key);
        let value = value.get(1..).unwrap_or_default();
        let mut key = encoding.decode(key);
        let mut shape = Shape::Single;
        if key.ends_with(b"]")
            && let Some(bracket) = key.iter().position(|byte| *byte == b'[')
            && bracket > 0
        {
            shape = Shape::Element;
            match &mut key {
                Cow::Borrowed(bytes) => *bytes = &bytes[..bracket],
                Cow::Owned(bytes) => bytes.truncate(bracket),
            }
        }
        if key.iter().any(u8::is_ascii_uppercase) && !is_dropped(&key) {
            key.to_mut().make_ascii_lowercase();
        }
        Self { key, value: encoding.decode(value), shape }
    }
}

/// Whether anything in a query string is encoded: mostly nothing is, and one look at the whole is
/// cheaper than one at each part.
#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Percent,
}

impl Encoding {
    fn of(query: &[u8]) -> Self {
        if memchr2(b'%', b'+', query).is_some() { Self::Percent } else { Self::Plain }
    }

    /// Undoes the encoding of a query string: `+` is a space, `%XX` a byte, and a `%` without two hex
    /// digits stands for itself.
    fn decode(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Percent if memchr2(b'%', b'+', bytes).is_some() => {
                percent_decode(bytes, b' ').into()
            }
            Self::Plain | Self::Percent => bytes.into(),
        }
    }
}

/// Parameters that Reverb, soketi and laravel-websockets leave out of what is signed: their routers
/// put them there. They keep their upper-case letters here, by which they are told apart.
pub(super) fn is_dropped(key: &[u8]) -> bool {
    matches!(key, b"appId" | b"appKey" | b"channelName")
}

/// Undoes `%XX`; `plus` is what a `+` stands for.
pub(super) fn percent_decode(text: &[u8], plus: u8) -> Vec<u8> {
    let mut rest = text;
    iter::from_fn(|| {
        let (byte, after) = match rest {
            [] => return None,
            [b'+', after @ ..] => (plus, after),
            [b'%', high, low, after @ ..] => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', &rest[1..]),
            },
            [byte, after @ ..] => (*byte, after),
        };
        rest = after;
        Some(byte)
    })
    .collect()
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Appends a text in the encoding of query strings, so that every reader understands it.
pub(super) fn encode_into(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                for digit in [byte >> 4, byte & 0xF] {
                    let digit = char::from_digit(digit.into(), 16).unwrap_or_default();
                    out.push(digit.to_ascii_uppercase());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw_query: &str, expect: &[(&str, &str)]) {
        let query = Query::parse(raw_query);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let found: Vec<_> = query.0.iter().map(|p| (text(&p.key), text(&p.value))).collect();
        let expect: Vec<_> = expect.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn parameters_are_sorted_by_their_bytes() {
        check("?b=2&a=1&&a_=3&", &[("a", "1"), ("a_", "3"), ("b", "2")]);
        check("", &[]);
        check("lonely&=x", &[("", "x"), ("lonely", "")]);
    }

    #[test]
    fn keys_and_values_are_decoded() {
        check("%61=%C3%AB%2b+%zz%2", &[("a", "ë+ %zz%2")]);
        check("a=1=2", &[("a", "1=2")]);
    }

    #[test]
    fn keys_are_lower_case_but_for_the_dropped_ones() {
        check("Info=A&channelName=x", &[("channelName", "x"), ("info", "A")]);
    }

    #[test]
    fn the_elements_of_an_array_are_one_parameter() {
        let query = Query::parse("i%5B1%5D=b&i[0]=a&i[x]=c");
        assert_eq!(query.value("i").as_deref(), Some("b,a,c"));
        check("[]=a&]=b", &[("[]", "a"), ("]", "b")]);
    }

    #[test]
    fn of_a_parameter_that_is_given_twice_the_last_counts() {
        assert_eq!(Query::parse("a=1&a=2").value("a").as_deref(), Some("2"));
    }
}
