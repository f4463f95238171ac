//! Webhooks: what a server says over HTTP, believed only if it is signed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use resound_protocol::{signature::Signer, webhook::Webhook};
use tokio::time::timeout;

use crate::hooks::{event::Happening, reactor::Reactor};

/// Bytes of a body; over it 413.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// How old a webhook may be: twice as long as Pusher tries to deliver it.
pub const AGE_SECONDS_MAX: u64 = 600;
/// How long a sender is kept waiting for handlers. Resound's server gives up after 10 s, and would send again what is
/// being handled.
const HANDLED_WITHIN: Duration = Duration::from_secs(8);

/// A request with a webhook, whatever framework it came in by.
///
/// ```
/// use resound::hooks::WebhookRequest;
/// use std::collections::HashMap;
///
/// /// Of a framework that keeps headers in a map.
/// fn webhook<'a>(headers: &'a HashMap<&str, String>, body: &'a [u8]) -> WebhookRequest<'a> {
///     let header = |name| headers.get(name).map(String::as_str);
///     WebhookRequest { key: header("x-pusher-key"), signature: header("x-pusher-signature"), body }
/// }
/// # assert_eq!(webhook(&HashMap::new(), b"{}").key, None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct WebhookRequest<'a> {
    /// The header `X-Pusher-Key`.
    pub key: Option<&'a str>,
    /// The header `X-Pusher-Signature`.
    pub signature: Option<&'a str>,
    /// The body as it came, byte for byte.
    pub body: &'a [u8],
}

/// The answer to a webhook.
///
/// ```
/// use resound::{Broadcaster, Hooks, hooks::WebhookRequest};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let reactor = Hooks::<()>::new().with_state(&Broadcaster::null(), ());
/// let answer = reactor.webhook(WebhookRequest { key: None, signature: None, body: b"{}" }).await;
/// assert_eq!((answer.status, answer.message), (401, "there is no X-Pusher-Key"));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookAnswer {
    /// 200: handled. 202: its handlers still run. Anything else: not taken, and the sender tries again.
    pub status: u16,
    /// Why; for whoever reads the sender's log.
    pub message: &'static str,
}

impl WebhookAnswer {
    pub(crate) const TOO_LONG: Self = Self { status: 413, message: "the body is too long" };
    const HANDLED: Self = Self { status: 200, message: "ok" };
    const TAKEN: Self = Self { status: 202, message: "its handlers still run" };
}

impl<S: Clone + Send + Sync + 'static> Reactor<S> {
    /// Answers a webhook: 200 when all handlers have ended, also those that failed.
    ///
    /// A handler's failure is logged and not the sender's business: it would send the same again, also to the handlers that
    /// have done their work, and hold up the channel. The statuses are
    ///
    /// | status | what is wrong |
    /// |---|---|
    /// | 200 | nothing; unknown events are skipped and logged |
    /// | 202 | handlers take more than 8 s; they run on |
    /// | 400 | it is signed and no webhook, or older than 10 minutes |
    /// | 401 | key or signature is missing, or wrong |
    /// | 413 | the body has more than 1 MiB |
    /// | 503 | [`WAITING_MAX`](super::WAITING_MAX) happenings wait |
    ///
    /// ```
    /// use resound::{Broadcaster, hooks::{Hooks, WebhookRequest}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let reactor = Hooks::<()>::new().with_state(&Broadcaster::null(), ());
    /// let forged = WebhookRequest { key: Some("key"), signature: Some("0"), body: b"{}" };
    /// assert_eq!(reactor.webhook(forged).await.status, 401);
    /// # }
    /// ```
    pub async fn webhook(&self, request: WebhookRequest<'_>) -> WebhookAnswer {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.webhook_at(request, now.as_millis() as u64).await
    }

    pub(crate) async fn webhook_at(
        &self,
        request: WebhookRequest<'_>,
        now_ms: u64,
    ) -> WebhookAnswer {
        match self.read(request, now_ms) {
            Ok(happenings) => self.answer(happenings).await,
            Err(answer) => {
                let WebhookAnswer { status, message: reason } = answer;
                let key = request.key;
                tracing::warn!(key, status, reason, "a webhook was refused");
                answer
            }
        }
    }

    fn read(
        &self,
        request: WebhookRequest<'_>,
        now_ms: u64,
    ) -> Result<Vec<Happening>, WebhookAnswer> {
        let refuse = |status, message| WebhookAnswer { status, message };
        if request.body.len() > BODY_BYTES_MAX {
            return Err(WebhookAnswer::TOO_LONG);
        }
        let key = request.key.ok_or_else(|| refuse(401, "there is no X-Pusher-Key"))?;
        let signature =
            request.signature.ok_or_else(|| refuse(401, "there is no X-Pusher-Signature"))?;
        let mut known = self.keys().signing.iter().filter(|known| known.key == key).peekable();
        if known.peek().is_none() {
            return Err(refuse(401, "no connection of this application has the key"));
        }
        let is_signed = |secret: &str| Signer::new(secret).verify_hex(&[request.body], signature);
        if !known.any(|known| is_signed(&known.secret)) {
            return Err(refuse(
                401,
                "the signature is not that of the key's secret over this body",
            ));
        }
        let webhook = Webhook::parse(request.body).map_err(|error| {
            tracing::warn!(key, %error, "a webhook can't be read");
            refuse(400, "the body is no webhook")
        })?;
        if webhook.time_ms.saturating_add(AGE_SECONDS_MAX * 1000) < now_ms {
            return Err(refuse(400, "the webhook is older than 10 minutes; is a clock wrong?"));
        }
        for reason in &webhook.skipped {
            tracing::info!(key, reason, "an event of a webhook was skipped");
        }
        let time_ms = webhook.time_ms;
        Ok(webhook.events.into_iter().map(|event| Happening::of(event, time_ms)).collect())
    }

    async fn answer(&self, happenings: Vec<Happening>) -> WebhookAnswer {
        let Ok(handled) = self.take(happenings) else {
            tracing::error!("a webhook was refused: too much waits for hooks, they are too slow");
            return WebhookAnswer { status: 503, message: "too much waits for handlers" };
        };
        match timeout(HANDLED_WITHIN, handled).await {
            Ok(()) => WebhookAnswer::HANDLED,
            Err(_) => WebhookAnswer::TAKEN,
        }
    }
}
