//! Functions as routes.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::channels::{
    decide::Joining,
    denial::Denial,
    extract::{FromJoin, Params},
};

/// A function that decides: it takes the user, then up to five things that are [`FromJoin`], and is async.
///
/// ```
/// use resound::{Channels, Path, channels::Joining};
///
/// async fn orders(user: u64, Path((shop, order)): Path<(String, u64)>, joining: Joining) -> bool {
///     user > 0 && shop == "main" && order > 0 && joining.socket.as_deref().is_some()
/// }
///
/// let channels = Channels::<()>::new().user::<u64>().private("shops.{shop}.orders.{order}", orders);
/// # let _ = channels;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler for channels",
    note = "a handler is an async function that takes the user of `Channels::user` (`()` if that was not said), or a hook's event \
            such as `hooks::Joined`, by value, then arguments such as `resound::Path<u64>`, and `axum::extract::State<_>`"
)]
pub trait Handler<S, U, A>: Clone + Send + Sync + 'static {
    /// What it says.
    type Output: Send + 'static;

    /// Begins to decide.
    ///
    /// # Errors
    /// If an argument is not to be had.
    ///
    /// ```
    /// use resound::{Channels, channels::{Handler, PrivateVerdict}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// /// Lets a handler that says yes or no decide for two names.
    /// fn both<H, A>(channels: Channels<(), u64>, handler: H) -> Channels<(), u64>
    /// where
    ///     H: Handler<(), u64, A>,
    ///     H::Output: PrivateVerdict,
    /// {
    ///     channels.private("inbox", handler.clone()).private("outbox", handler)
    /// }
    /// let channels = both(Channels::new().user(), |user: u64| async move { user == 7 });
    /// channels.assert_can_join(&7, "private-outbox").await;
    /// # }
    /// ```
    fn call(
        &self,
        user: U,
        joining: &Joining,
        params: Params<'_>,
        state: &S,
    ) -> Result<impl Future<Output = Self::Output> + Send + 'static, Denial>;
}

macro_rules! handlers {
    ($($argument:ident)*) => {
        impl<S, U, F, R, $($argument,)*> Handler<S, U, ($($argument,)*)> for F
        where
            F: Fn(U, $($argument,)*) -> R + Clone + Send + Sync + 'static,
            R: Future<Output: Send + 'static> + Send + 'static,
            $($argument: FromJoin<S>,)*
        {
            type Output = R::Output;

            #[expect(clippy::allow_attributes, reason = "the function without arguments needs it only")]
            #[allow(unused_variables, reason = "a function may take the user only")]
            fn call(
                &self,
                user: U,
                joining: &Joining,
                params: Params<'_>,
                state: &S,
            ) -> Result<impl Future<Output = Self::Output> + Send + 'static, Denial> {
                Ok(self(user, $($argument::from_join(joining, params, state)?,)*))
            }
        }
    };
}

handlers!();
handlers!(A1);
handlers!(A1 A2);
handlers!(A1 A2 A3);
handlers!(A1 A2 A3 A4);
handlers!(A1 A2 A3 A4 A5);

/// A decision, later.
pub(crate) type Deciding<T> = Pin<Box<dyn Future<Output = Result<T, Denial>> + Send>>;

/// A handler whose type is forgotten.
pub(crate) type Erased<S, U, T> =
    Arc<dyn Fn(U, &Joining, Params<'_>, &S) -> Deciding<T> + Send + Sync>;

/// Forgets the type of a handler, and reads what it says by `read`.
pub(crate) fn erase<S, U, A, H, T>(
    handler: H,
    read: fn(H::Output) -> Result<T, String>,
) -> Erased<S, U, T>
where
    H: Handler<S, U, A>,
    T: 'static,
{
    Arc::new(move |user, joining, params, state| {
        let pattern: Box<str> = params.pattern.into();
        match handler.call(user, joining, params, state) {
            Ok(future) => Box::pin(async move {
                read(future.await).map_err(|reason| Denial::Failed { pattern, reason })
            }),
            Err(denial) => Box::pin(async move { Err(denial) }),
        }
    })
}
