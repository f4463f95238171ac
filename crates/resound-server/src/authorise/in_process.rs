//! An application that embeds the server is asked in its own process.

use std::{error::Error, fmt, pin::Pin, sync::Arc};

use bytes::Bytes;
use http_body_util::{Full, combinators::UnsyncBoxBody};
use hyper::{Request, Response};
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use crate::{
    authorise::{case::Case, client::Reply, fault::Fault, queue::WAITING_MAX},
    config::AuthConfig,
};

/// A question, as it would come over HTTP: `POST /broadcasting/auth` with the client's cookies and headers.
pub type AuthRequest = Request<Full<Bytes>>;
/// The application's answer.
pub type AuthReply = Response<UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>>;

type Answering = Pin<Box<dyn Future<Output = AuthReply> + Send>>;

/// An application that is asked in this process, on its own runtime.
#[derive(Clone)]
pub struct InProcess {
    runtime: Handle,
    answer: Arc<dyn Fn(AuthRequest) -> Answering + Send + Sync>,
}

impl InProcess {
    /// Takes what answers questions. They are answered on the runtime that this is called on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new<F>(answer: impl Fn(AuthRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = AuthReply> + Send + 'static,
    {
        let answer = Arc::new(move |request| Box::pin(answer(request)) as Answering);
        Self { runtime: Handle::current(), answer }
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}

/// Where questions wait, within the bounds of those that are asked over HTTP.
#[derive(Debug)]
pub(super) struct Desk {
    application: InProcess,
    waiting: Semaphore,
    places: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new(application: InProcess, config: &AuthConfig) -> Self {
        let places = Arc::new(Semaphore::new(config.concurrent_max));
        Self { application, waiting: Semaphore::new(WAITING_MAX), places }
    }

    /// Where the application runs.
    pub(super) fn runtime(&self) -> &Handle {
        &self.application.runtime
    }

    pub(super) async fn ask(&self, case: &Case) -> Result<Reply, Fault> {
        let deadline = Instant::now() + case.config.timeout;
        let _waiting = self.waiting.try_acquire().map_err(|_| Fault::Overload)?;
        let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| Fault::NoPlace)?.expect("nobody closes it");
        let request = case.request().ok_or(Fault::NoSite)?;
        let answer = Arc::clone(&self.application.answer);
        let mut asked = Asked(self.application.runtime.spawn(async move {
            // What does not end when it is told to keeps its place until it does.
            let _place = place;
            Reply::read(answer(request).await).await
        }));
        match timeout_at(deadline, &mut asked.0).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                Err(Fault::Other(format!("the application's answer failed: {error}")))
            }
            Err(_) => Err(Fault::Silence),
        }
    }
}

/// An application that is being asked. As over HTTP, it hears no more of it when nobody waits any more: a handler that
/// hangs must not keep a place for ever.
struct Asked(JoinHandle<Result<Reply, Fault>>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::authorise::tests::desk::{config, with_headers};

    #[tokio::test(start_paused = true)]
    async fn an_application_that_hangs_keeps_no_place() {
        let answer = async |request: AuthRequest| {
            let body = request.into_body().collect().await.expect("a form").to_bytes();
            if body.starts_with(b"channel_name=private-hangs") {
                std::future::pending::<()>().await;
            }
            Response::new(Full::from("true").map_err(Into::into).boxed_unsync())
        };
        let config = Arc::new(AuthConfig { concurrent_max: 1, ..config("http://127.0.0.1") });
        let desk = Desk::new(InProcess::new(answer), &config);
        let ask =
            async |channel| desk.ask(&Case::in_process(with_headers(channel, &[]), &config)).await;
        assert!(matches!(ask("private-hangs").await, Err(Fault::Silence)));
        assert_eq!(ask("private-a").await.expect("an answer").status, 200);
    }
}
