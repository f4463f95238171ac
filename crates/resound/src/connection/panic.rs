//! Drivers that panic.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use crate::error::DriverError;

/// Runs what a driver does. Its panic is a refusal: it would come again with the same event, which must not take the
/// queue's task, or a page, with it.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, DriverError> {
    let mut work = pin!(work);
    poll_fn(|context| {
        // What panicked is not polled again.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(DriverError::Refused(message(&*panic)))),
        }
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the driver panicked: {}", text.unwrap_or("it did not say why"))
}
