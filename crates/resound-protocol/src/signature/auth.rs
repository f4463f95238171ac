//! The `auth` with which a client proves that the application lets it in: `key:hex`.

use thiserror::Error;

use crate::signature::{
    Signer,
    signer::{Signature, parse_hex},
};

/// When the `channel_data` of a subscription is a part of what was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelDataRule {
    /// Presence channels: it has to be there, and it is signed.
    Always,
    /// All other channels: it may be there, and then it may be signed (Reverb signs it, Laravel never
    /// sends it, soketi leaves it out).
    IfSent,
}

/// Why an `auth` is refused. For the log, and for the `error` of
/// `pusher:subscription_error`.
///
/// Nothing of what the client sent is repeated, because it may be the secret, mistaken for the key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthFault {
    /// There is no `auth`, or it is empty.
    #[error("no auth was given")]
    Missing,
    /// It does not look like `key:hex`.
    #[error("the auth is not of the form key:signature, with 64 lower-case hex digits")]
    Malformed,
    /// It was signed by another app.
    #[error("the auth names the key of another app")]
    WrongKey,
    /// A presence channel without `channel_data`.
    #[error("the channel_data of a presence channel is missing")]
    ChannelDataMissing,
    /// The key is right but the signature is not.
    #[error(
        "the signature does not match: another secret, socket id, channel or channel_data was signed"
    )]
    Mismatch,
}

/// Signs a subscription, as an application does for its users.
pub fn channel_auth(
    key: &str,
    signer: &Signer,
    socket_id: &str,
    channel: &str,
    channel_data: Option<&str>,
) -> String {
    let signature = match channel_data {
        Some(data) => signer.hex(&channel_parts(socket_id, channel, data)),
        None => signer.hex(&channel_parts(socket_id, channel, "")[..3]),
    };
    format!("{key}:{signature}")
}

/// Signs a sign-in, as an application does for its users.
pub fn user_auth(key: &str, signer: &Signer, socket_id: &str, user_data: &str) -> String {
    let signature = signer.hex(&user_parts(socket_id, user_data));
    format!("{key}:{signature}")
}

/// Checks the `auth` of a subscription.
pub fn verify_channel_auth(
    auth: &str,
    key: &str,
    signer: &Signer,
    socket_id: &str,
    channel: &str,
    channel_data: Option<&str>,
    rule: ChannelDataRule,
) -> Result<(), AuthFault> {
    let signature = signature_of(auth, key)?;
    if rule == ChannelDataRule::Always && channel_data.is_none() {
        return Err(AuthFault::ChannelDataMissing);
    }
    let parts = channel_parts(socket_id, channel, channel_data.unwrap_or_default());
    let with_data = channel_data.is_some() && signer.verify(&parts, &signature);
    if with_data {
        return Ok(());
    }
    if rule == ChannelDataRule::IfSent && signer.verify(&parts[..3], &signature) {
        return Ok(());
    }
    Err(AuthFault::Mismatch)
}

/// Checks the `auth` of a sign-in.
pub fn verify_user_auth(
    auth: &str,
    key: &str,
    signer: &Signer,
    socket_id: &str,
    user_data: &str,
) -> Result<(), AuthFault> {
    let signature = signature_of(auth, key)?;
    if !signer.verify(&user_parts(socket_id, user_data), &signature) {
        return Err(AuthFault::Mismatch);
    }
    Ok(())
}

/// What is signed for a channel; without the last two parts if there is no data.
fn channel_parts<'a>(socket_id: &'a str, channel: &'a str, data: &'a str) -> [&'a [u8]; 5] {
    [socket_id.as_bytes(), b":", channel.as_bytes(), b":", data.as_bytes()]
}

/// What is signed for a sign-in. The protocol page shows `::user::` in the `auth` itself; no library
/// writes it there.
fn user_parts<'a>(socket_id: &'a str, user_data: &'a str) -> [&'a [u8]; 3] {
    [socket_id.as_bytes(), b"::user::", user_data.as_bytes()]
}

/// Splits `key:signature` and checks the key, which Reverb does not.
fn signature_of(auth: &str, key: &str) -> Result<Signature, AuthFault> {
    if auth.is_empty() {
        return Err(AuthFault::Missing);
    }
    let (given_key, signature) = auth.rsplit_once(':').ok_or(AuthFault::Malformed)?;
    if given_key != key {
        return Err(AuthFault::WrongKey);
    }
    parse_hex(signature.as_bytes()).ok_or(AuthFault::Malformed)
}
