use crate::{
    driver::{Driver, Sending},
    envelope::Envelope,
};

/// Sends nothing.
///
/// ```
/// use resound::{Broadcaster, drivers::Null};
///
/// let broadcaster = Broadcaster::builder().connection("null", Null).build();
/// # let _ = broadcaster;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Null;

impl Driver for Null {
    fn send<'a>(&'a self, _envelope: &'a Envelope) -> Sending<'a> {
        Box::pin(async { Ok(()) })
    }
}
