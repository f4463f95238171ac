//! Signed requests of the HTTP API. Pusher HTTP API, "Generating authentication signatures".

use std::fmt;

use md5::{Digest, Md5};
use thiserror::Error;

use crate::signature::{
    Query, Signer,
    query::{Parameter, Shape, encode_into, is_dropped, percent_decode},
    signer::{hex, parse_hex},
};

const AUTH_KEY: &str = "auth_key";
const AUTH_SIGNATURE: &str = "auth_signature";
const AUTH_TIMESTAMP: &str = "auth_timestamp";
const AUTH_VERSION: &str = "auth_version";
const BODY_MD5: &str = "body_md5";

/// The only version of the signature that there is.
const VERSION: &str = "1.0";

/// What of a request is signed.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// In upper case, as it stands in the request line.
    pub method: &'a str,
    /// As it stands in the request line, without the query and without the server's path prefix:
    /// clients sign `/apps/{id}/…` whatever is in front of it.
    pub path: &'a str,
    /// What follows the `?`, not decoded; empty if there is none.
    pub raw_query: &'a str,
    /// The body as it came.
    pub body: &'a [u8],
}

/// Why a request is refused. Each is a sentence for the developer of the publisher; the status is 401.
///
/// The key that was sent is not repeated, because it may be the secret, mistaken for the key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestFault {
    /// A parameter of the signature is absent.
    #[error("the query parameter {0} is missing; every request to the API must be signed")]
    Missing(&'static str),
    /// A parameter occurs twice, so that it is open which one was signed.
    #[error("the query parameter {0} is given more than once")]
    Repeated(Box<str>),
    /// The key is not the one of the app in the path.
    #[error("auth_key is not the key of this app")]
    UnknownKey,
    /// A signature of another kind.
    #[error("auth_version must be 1.0")]
    UnknownVersion,
    /// The time is not a number.
    #[error("auth_timestamp must be a time in seconds since 1970")]
    MalformedTimestamp,
    /// The time is too far from ours: the request was replayed, or one of the clocks is wrong.
    #[error(
        "auth_timestamp is {seconds_off} seconds {direction} the server's clock, allowed are \
         {tolerance_seconds} (auth_timestamp_tolerance); compare the clocks of both machines"
    )]
    Timestamp {
        /// How far it is off.
        seconds_off: u64,
        /// Where it lies.
        direction: Direction,
        /// How far it may be off.
        tolerance_seconds: u32,
    },
    /// All is there, but it was not signed like this with the secret of the app.
    #[error("auth_signature is not the HMAC-SHA256 of {signed_text:?} with the app's secret")]
    BadSignature {
        /// The text that should have been signed, as Pusher tells it, too.
        signed_text: Box<str>,
    },
}

/// Where a timestamp lies, seen from the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// In the future.
    Ahead,
    /// In the past.
    Behind,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ahead => "ahead of",
            Self::Behind => "behind",
        })
    }
}

/// Signs a request as Pusher's libraries do, and returns its query string, encoded for the URL.
///
/// `query` are the call's own parameters, such as `info`.
pub fn sign_request(
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    body: &[u8],
    key: &str,
    signer: &Signer,
    timestamp: u64,
) -> String {
    let timestamp = timestamp.to_string();
    let body_md5 = body_md5(body);
    let mut pairs: Vec<(String, &str)> =
        query.iter().map(|(key, value)| (key.to_ascii_lowercase(), *value)).collect();
    let own = [(AUTH_KEY, key), (AUTH_TIMESTAMP, &*timestamp), (AUTH_VERSION, VERSION)];
    pairs.extend(own.map(|(key, value)| (key.to_owned(), value)));
    pairs.extend(body_md5.as_deref().map(|md5| (BODY_MD5.to_owned(), md5)));
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));

    let (mut signed, mut encoded) = (String::new(), String::new());
    for (key, value) in &pairs {
        if !signed.is_empty() {
            signed.push('&');
        }
        signed.extend([key, "=", value]);
        encode_into(key, &mut encoded);
        encoded.push('=');
        encode_into(value, &mut encoded);
        encoded.push('&');
    }
    let text = [method, "\n", path, "\n", &signed].map(str::as_bytes);
    let signature = signer.hex(&text);
    encoded.extend([AUTH_SIGNATURE, "=", &signature]);
    encoded
}

/// Checks the signature of a request, whose `key` and `signer` are those of the app in its path.
///
/// `tolerance_seconds` is how far the request's time may be from `now_unix`; with `None` the time is
/// not looked at, as Reverb and soketi do not. The values are those of [`Query`]; `body_md5` is that of
/// the received body, so that a wrong one is a wrong signature.
///
/// ```
/// use resound_protocol::signature::{RequestParts, Signer, sign_request, verify_request};
///
/// let signer = Signer::new("resound-secret");
/// let raw_query = sign_request("POST", "/apps/1/events", &[], b"{}", "resound-key", &signer, 1_700_000_000);
/// let request = RequestParts { method: "POST", path: "/apps/1/events", raw_query: &raw_query, body: b"{}" };
/// assert_eq!(verify_request(request, "resound-key", &signer, 1_700_000_000, Some(600)), Ok(()));
/// ```
pub fn verify_request(
    request: RequestParts<'_>,
    key: &str,
    signer: &Signer,
    now_unix: u64,
    tolerance_seconds: Option<u32>,
) -> Result<(), RequestFault> {
    let query = Query::parse(request.raw_query);
    let claims = Claims::find(&query)?;
    claims.check(key, now_unix, tolerance_seconds)?;
    let signature = parse_hex(claims.signature);
    let signed_query = signed_query(&query, request);
    let text = [request.method.as_bytes(), b"\n", request.path.as_bytes(), b"\n", &signed_query];
    let is_signed = |text| signature.is_some_and(|signature| signer.verify(text, &signature));
    if is_signed(&text) {
        return Ok(());
    }
    // Clients sign the path as they know it; their URL library may have escaped it on the way.
    if request.path.contains('%') {
        let path = percent_decode(request.path.as_bytes(), b'+');
        if is_signed(&[text[0], b"\n", &path, b"\n", &signed_query]) {
            return Ok(());
        }
    }
    let signed_text = String::from_utf8_lossy(&text.concat()).into();
    Err(RequestFault::BadSignature { signed_text })
}

/// The parameters that every signed request has.
struct Claims<'a> {
    key: &'a [u8],
    timestamp: &'a [u8],
    version: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Claims<'a> {
    /// Finds them, and makes sure that nothing in the query is given twice: otherwise the signature
    /// could be over one value and the API use the other.
    fn find(query: &'a Query<'_>) -> Result<Self, RequestFault> {
        let (mut key, mut timestamp, mut version, mut signature) = (None, None, None, None);
        for group in query.groups() {
            let [first, others @ ..] = group else { continue };
            let single = group.iter().any(|parameter| parameter.shape == Shape::Single);
            if single && !others.is_empty() {
                let key = String::from_utf8_lossy(&first.key);
                return Err(RequestFault::Repeated(key.into()));
            }
            let claim = match str::from_utf8(&first.key) {
                Ok(AUTH_KEY) => &mut key,
                Ok(AUTH_TIMESTAMP) => &mut timestamp,
                Ok(AUTH_VERSION) => &mut version,
                Ok(AUTH_SIGNATURE) => &mut signature,
                _ => continue,
            };
            *claim = Some(&*first.value);
        }
        Ok(Self {
            key: key.ok_or(RequestFault::Missing(AUTH_KEY))?,
            timestamp: timestamp.ok_or(RequestFault::Missing(AUTH_TIMESTAMP))?,
            version: version.ok_or(RequestFault::Missing(AUTH_VERSION))?,
            signature: signature.ok_or(RequestFault::Missing(AUTH_SIGNATURE))?,
        })
    }

    /// Checks all but the signature.
    fn check(&self, key: &str, now: u64, tolerance: Option<u32>) -> Result<(), RequestFault> {
        if self.key != key.as_bytes() {
            return Err(RequestFault::UnknownKey);
        }
        if self.version != VERSION.as_bytes() {
            return Err(RequestFault::UnknownVersion);
        }
        let Some(tolerance_seconds) = tolerance else { return Ok(()) };
        let timestamp = str::from_utf8(self.timestamp).ok().and_then(|text| text.parse().ok());
        let timestamp: u64 = timestamp.ok_or(RequestFault::MalformedTimestamp)?;
        let seconds_off = timestamp.abs_diff(now);
        if seconds_off > u64::from(tolerance_seconds) {
            let direction = if timestamp > now { Direction::Ahead } else { Direction::Behind };
            return Err(RequestFault::Timestamp { seconds_off, direction, tolerance_seconds });
        }
        Ok(())
    }
}

/// The query as it was signed: sorted, not encoded, without the signature, with the MD5 of the body
/// that was received.
fn signed_query(query: &Query<'_>, request: RequestParts<'_>) -> Vec<u8> {
    // Python's library gives the MD5 of the empty body, too; then it is signed.
    let is_given = query.groups().any(|group| &*group[0].key == BODY_MD5.as_bytes());
    let mut body_md5 =
        (is_given || !request.body.is_empty()).then(|| hex(&Md5::digest(request.body)));
    let mut out = Vec::with_capacity(request.raw_query.len());
    for group in query.groups() {
        let key = &*group[0].key;
        if key > BODY_MD5.as_bytes()
            && let Some(md5) = body_md5.take()
        {
            append(&mut out, BODY_MD5.as_bytes(), [md5.as_bytes()]);
        }
        if key != BODY_MD5.as_bytes() && key != AUTH_SIGNATURE.as_bytes() && !is_dropped(key) {
            append(&mut out, key, group.iter().map(|Parameter { value, .. }| &**value));
        }
    }
    if let Some(md5) = body_md5 {
        append(&mut out, BODY_MD5.as_bytes(), [md5.as_bytes()]);
    }
    out
}

/// Appends `key=value`, the values of an array joined by commas.
fn append<'a>(out: &mut Vec<u8>, key: &[u8], values: impl IntoIterator<Item = &'a [u8]>) {
    if !out.is_empty() {
        out.push(b'&');
    }
    out.extend_from_slice(key);
    let mut separator = b'=';
    for value in values {
        out.push(separator);
        out.extend_from_slice(value);
        separator = b',';
    }
}

/// The MD5 of a body in hex; none of an empty one.
fn body_md5(body: &[u8]) -> Option<String> {
    (!body.is_empty()).then(|| hex(&Md5::digest(body)))
}
