//! Clients' events in encrypted channels.

use resound_protocol::webhook::What;

use crate::{driver::Credentials, hooks::event::Happening};

/// The happening with its data opened, if they are sealed.
///
/// # Errors
/// If nobody here has the key.
pub(super) fn open(
    happening: &Happening,
    credentials: &[Credentials],
) -> Result<Option<Happening>, String> {
    let Happening { channel, what, time_ms } = happening;
    let What::ClientEvent { event, data, socket_id, user_id } = what else {
        return Ok(None);
    };
    if !channel.starts_with("private-encrypted-") {
        return Ok(None);
    }
    let opened = credentials.iter().find_map(|credentials| credentials.open(channel, data));
    let data = opened
        .ok_or("it is not encrypted, or with another master key than this application has")?;
    let (event, socket_id, user_id) = (event.clone(), socket_id.clone(), user_id.clone());
    let what = What::ClientEvent { event, data, socket_id, user_id };
    Ok(Some(Happening { channel: channel.clone(), what, time_ms: *time_ms }))
}
