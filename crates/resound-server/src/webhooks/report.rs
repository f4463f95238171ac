//! Log lines about one receiver: one when it fails, one when it takes webhooks again, not one each.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::authorise::{Fault, Mistrust};

/// Who the receiver is, and what was said of it.
#[derive(Debug)]
pub(super) struct Report {
    app_id: Box<str>,
    /// The address without its query, which may be a secret.
    url: Box<str>,
    is_failing: AtomicBool,
    /// Events that found no place since the last webhook that was taken.
    refused: AtomicU64,
}

impl Report {
    pub(super) fn new(app_id: &str, url: &str) -> Self {
        let url = url.split('?').next().unwrap_or_default().into();
        Self {
            app_id: app_id.into(),
            url,
            is_failing: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        }
    }

    pub(super) fn failed(&self, reason: &str, retry_seconds: u64) {
        let Self { app_id: app, url, .. } = self;
        if self.is_failing.swap(true, Ordering::Relaxed) {
            tracing::debug!(app, url, reason, retry_seconds, "a webhook failed again");
            return;
        }
        tracing::warn!(
            app,
            url,
            reason,
            retry_seconds,
            "a webhook failed; it is sent again until 255 s have passed, and those of the same channels wait for it"
        );
    }

    pub(super) fn given_up(&self, reason: &str, events: usize) {
        let Self { app_id: app, url, .. } = self;
        tracing::error!(
            app,
            url,
            reason,
            events,
            "a webhook was given up: its receiver does not know of these events; GET /apps/…/channels says who is there"
        );
    }

    pub(super) fn taken(&self) {
        let Self { app_id: app, url, .. } = self;
        if self.is_failing.load(Ordering::Relaxed) && self.is_failing.swap(false, Ordering::Relaxed)
        {
            let lost = self.refused.swap(0, Ordering::Relaxed);
            tracing::info!(app, url, lost, "webhooks are taken again");
        }
    }

    pub(super) fn refused(&self, waiting: u64) {
        let Self { app_id: app, url, .. } = self;
        if self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            self.is_failing.store(true, Ordering::Relaxed);
            tracing::error!(
                app,
                url,
                waiting,
                "webhooks are dropped: as many wait as may; the receiver is too slow, or away"
            );
        }
    }
}

/// What kept a receiver from answering, in words.
pub(super) fn words(fault: &Fault) -> String {
    let text = match fault {
        Fault::Silence => "no answer within 10 s",
        Fault::UnknownName => "the host's name is unknown",
        Fault::Refused => "nothing listens there",
        Fault::Unreachable => "the host can't be reached",
        Fault::NoTls => "what answers is not TLS; is it http?",
        Fault::NoHttp => "what answers is not HTTP; is it https?",
        Fault::Certificate(Mistrust::Issuer) => {
            "the certificate's issuer is not trusted (SSL_CERT_FILE names others)"
        }
        Fault::Certificate(Mistrust::Name) => "the certificate is for another name",
        Fault::Certificate(Mistrust::Time) => "the certificate is expired, or not valid yet",
        Fault::Certificate(Mistrust::Other(reason)) | Fault::Tls(reason) | Fault::Other(reason) => {
            reason
        }
        Fault::Closed => "the connection ended before an answer",
        Fault::NoSite | Fault::TooManyHeaders | Fault::Overload | Fault::NoPlace => {
            "it was not asked"
        }
    };
    text.to_owned()
}
