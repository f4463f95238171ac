//! The server under test: where it is, which app of it is used, and how it is talked to.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, bail};
use resound_protocol::signature::{Signer, channel_auth, sign_request};

use crate::dialect::{Dialect, Protocol, Revision};
use crate::process::Process;

/// What Pusher's clients say about themselves.
const PUSHER_QUERY: &str =
    concat!("protocol=7&client=resound-bench&version=", env!("CARGO_PKG_VERSION"));

/// A server under test.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// The server's process, if it is to be measured.
    pub(crate) process: Option<Process>,
    pub(crate) dialect: Dialect,
    app_id: String,
    key: String,
    signer: Signer,
    prefix: String,
}

impl Target {
    pub(crate) fn new(address: SocketAddr, app_id: &str, key: &str, secret: &str) -> Self {
        Self {
            address,
            app_id: app_id.to_owned(),
            signer: Signer::new(secret),
            process: None,
            dialect: Dialect::USUAL,
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

    /// The same with clients that talk otherwise than usual.
    pub(crate) fn with_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Where WebSockets are opened.
    pub(crate) fn socket_path(&self) -> String {
        match self.dialect.protocol {
            Protocol::Pusher => {
                format!("{}/app/{}?{PUSHER_QUERY}&flash=false", self.prefix, self.key)
            }
            Protocol::SocketIo(revision) => self.engine_io_path(revision, "websocket"),
        }
    }

    /// Where a client without WebSocket asks for what comes next; Engine.IO's has no session at first.
    pub(crate) fn poll_path(&self, session: &str) -> String {
        let Self { prefix, key, .. } = self;
        match self.dialect.protocol {
            Protocol::Pusher => format!("{prefix}/pusher/app/{key}/{session}/xhr?{PUSHER_QUERY}"),
            Protocol::SocketIo(revision) => {
                let path = self.engine_io_path(revision, "polling");
                if session.is_empty() { path } else { format!("{path}&sid={session}") }
            }
        }
    }

    /// Where a client without WebSocket posts what it says.
    pub(crate) fn say_path(&self, session: &str) -> String {
        match self.dialect.protocol {
            Protocol::Pusher => {
                format!("{}/pusher/app/{}/{session}/xhr_send", self.prefix, self.key)
            }
            Protocol::SocketIo(_) => self.poll_path(session),
        }
    }

    fn engine_io_path(&self, revision: Revision, transport: &str) -> String {
        let Self { prefix, key, .. } = self;
        format!("{prefix}/socket.io/?EIO={}&transport={transport}&key={key}", revision.number())
    }

    /// Where a body is posted to the app's HTTP API, signed. The prefix is no part of what is signed.
    pub(crate) fn post_url(&self, endpoint: &str, body: &[u8], unix_seconds: u64) -> String {
        let path = format!("/apps/{}/{endpoint}", self.app_id);
        let query = sign_request("POST", &path, &[], body, &self.key, &self.signer, unix_seconds);
        format!("{}{path}?{query}", self.prefix)
    }

    /// The `auth` of a subscription.
    pub(crate) fn channel_auth(
        &self,
        socket_id: &str,
        channel: &str,
        channel_data: Option<&str>,
    ) -> String {
        channel_auth(&self.key, &self.signer, socket_id, channel, channel_data)
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

    fn target(app_id: &str) -> Target {
        Target::new(resolve("127.0.0.1:1").unwrap(), app_id, "resound-key", "resound-secret")
    }

    /// The worked vectors of spec/pusher-http.md, 2.2.
    #[track_caller]
    fn check(endpoint: &str, body: &str, md5: &str, signature: &str) {
        let expected = format!(
            "/apps/1001/{endpoint}?auth_key=resound-key&auth_timestamp=1700000000\
             &auth_version=1.0&body_md5={md5}&auth_signature={signature}"
        );
        let url = target("1001").post_url(endpoint, body.as_bytes(), 1_700_000_000);
        assert_eq!(url, expected);
    }

    #[test]
    fn requests_are_signed_as_in_the_spec() {
        check(
            "events",
            r#"{"name":"order.shipped","channels":["private-orders.7"],"data":"{\"id\":7,\"status\":\"shipped\"}"}"#,
            "a1e6a00d7454c5a4fb3d869dd5744964",
            "e23d7f69c39a8c0043f5118231314998642c524ee31c09fa5ab8728fd7ac8f0d",
        );
        check(
            "events",
            r#"{"name":"café","channel":"news","data":"\"€\"","socket_id":"123.456"}"#,
            "0f3942aa396fec3ed6b9fa6a80584465",
            "db9de466438061f528939f2c21bcddb872a1a4eba14ee2cb294724d3474ca752",
        );
        check(
            "batch_events",
            r#"{"batch":[{"channel":"a","name":"e1","data":"{}"},{"channel":"presence-b","name":"e2","data":"{}","info":"user_count"}]}"#,
            "99aa2a30f709a830c4924535a3978cd8",
            "bc56f9fe5c7959aa8ce6a520a0542d3b86f55584054b762cf66e4b8e9107cee8",
        );
    }

    #[test]
    fn subscriptions_are_signed_as_documented() {
        let address = resolve("127.0.0.1:1").unwrap();
        let target = Target::new(address, "3", "278d425bdf160c739803", "7ad3773142a6692b25b8");
        let data = r#"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#;
        for (channel, data, signature) in [
            (
                "private-foobar",
                None,
                "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4",
            ),
            (
                "presence-foobar",
                Some(data),
                "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
            ),
        ] {
            let auth = target.channel_auth("1234.1234", channel, data);
            assert_eq!(auth, format!("278d425bdf160c739803:{signature}"));
        }
    }

    #[test]
    fn the_prefix_stands_in_front_of_all_routes_and_is_not_signed() {
        let plain = target("7").post_url("events", b"{}", 1);
        for prefix in ["ws", "/ws", "/ws/"] {
            let target = target("7").with_prefix(prefix);
            assert!(target.socket_path().starts_with("/ws/app/resound-key?protocol=7&"));
            assert_eq!(target.post_url("events", b"{}", 1), format!("/ws{plain}"));
        }
        assert!(target("7").socket_path().starts_with("/app/resound-key?"));
    }

    #[test]
    fn an_address_that_makes_no_sense_is_explained() {
        let error = resolve("http://localhost:8080").unwrap_err().to_string();
        assert!(error.contains("without a scheme"), "{error}");
        assert!(resolve("nowhere").unwrap_err().to_string().contains("host:port"));
    }
}
