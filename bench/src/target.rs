//! The server under test: where it is, and which app of it is used.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, bail};

use crate::process::Process;
use crate::signature::Signer;

/// A server under test.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) app_id: String,
    pub(crate) signer: Signer,
    /// The server's process, if it is to be measured.
    pub(crate) process: Option<Process>,
    key: String,
    prefix: String,
}

impl Target {
    pub(crate) fn new(address: SocketAddr, app_id: &str, key: &str, secret: &str) -> Self {
        Self {
            address,
            app_id: app_id.to_owned(),
            signer: Signer::new(key, secret),
            process: None,
            key: key.to_owned(),
            prefix: String::new(),
        }
    }

    /// The same with a path in front of all routes.
    pub(crate) fn with_prefix(mut self, prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        self.prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        self
    }

    /// The same with a process that is measured.
    pub(crate) fn with_process(mut self, process: Option<Process>) -> Self {
        self.process = process;
        self
    }

    /// Where WebSockets are opened.
    pub(crate) fn socket_path(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        format!(
            "{}/app/{}?protocol=7&client=resound-bench&version={version}&flash=false",
            self.prefix, self.key
        )
    }

    /// The path that a request to the app's HTTP API is signed with, and the one that it goes to: the
    /// prefix is not signed.
    pub(crate) fn api_paths(&self, endpoint: &str) -> (String, String) {
        let signed = format!("/apps/{}/{endpoint}", self.app_id);
        let requested = format!("{}{signed}", self.prefix);
        (signed, requested)
    }
}

/// Finds the address that `host:port` means, IPv4 first: that is what servers listen on by default.
pub(crate) fn resolve(text: &str) -> Result<SocketAddr> {
    if text.contains("://") {
        bail!(
            "--addr {text}: give host:port without a scheme, e.g. 127.0.0.1:8080 (TLS is not supported)"
        );
    }
    let mut found: Vec<SocketAddr> = text
        .to_socket_addrs()
        .with_context(|| format!("--addr {text}: not a host:port that can be resolved"))?
        .collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().with_context(|| format!("--addr {text}: the name has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_stands_in_front_of_all_routes_and_is_not_signed() {
        let address = resolve("127.0.0.1:1").unwrap();
        for prefix in ["ws", "/ws", "/ws/"] {
            let target = Target::new(address, "7", "k", "s").with_prefix(prefix);
            assert!(target.socket_path().starts_with("/ws/app/k?protocol=7&"));
            let (signed, requested) = target.api_paths("events");
            assert_eq!(
                (signed.as_str(), requested.as_str()),
                ("/apps/7/events", "/ws/apps/7/events")
            );
        }
        assert!(Target::new(address, "7", "k", "s").socket_path().starts_with("/app/k?"));
    }

    #[test]
    fn an_address_that_makes_no_sense_is_explained() {
        let error = resolve("http://localhost:8080").unwrap_err().to_string();
        assert!(error.contains("without a scheme"), "{error}");
        assert!(resolve("nowhere").unwrap_err().to_string().contains("host:port"));
    }
}
