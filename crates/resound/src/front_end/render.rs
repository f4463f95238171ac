//! The options as a script, a meta tag, JSON.

use serde_json::{Value, json};

use super::{Connector, EchoOptions, PublicHost, PublicScheme, UnknownOrigin};
use crate::json;

/// The script that finds out where the page comes from; `o` are the options, `l` is the page's `location`.
const ON_PAGE: &str = "(function(o,l){var s=l.protocol===\"https:\";o.wsHost=l.hostname;\
    o.wsPort=o.wssPort=+l.port||(s?443:80);o.forceTLS=s;return o})";
const ON_PAGE_SOCKET_IO: &str = "(function(o,l){o.host=l.origin;return o})";

impl EchoOptions {
    /// A `<script>` that sets `window.resound`: `new Echo({ ...window.resound, Pusher })`.
    ///
    /// It can be put into HTML as it is, whatever the values are.
    ///
    /// ```
    /// use resound::front_end::EchoOptions;
    ///
    /// let head = format!("<head>{}</head>", EchoOptions::new("resound-key").script());
    /// assert!(head.starts_with("<head><script>window.resound="));
    /// ```
    pub fn script(&self) -> String {
        format!("<script>{}</script>", self.javascript())
    }

    /// The same for pages with a Content-Security-Policy, which names the nonce.
    ///
    /// ```
    /// use resound::front_end::EchoOptions;
    ///
    /// let script = EchoOptions::new("key").script_with_nonce("c2VjcmV0");
    /// assert!(script.starts_with(r#"<script nonce="c2VjcmV0">window.resound="#));
    /// ```
    pub fn script_with_nonce(&self, nonce: &str) -> String {
        format!(r#"<script nonce="{}">{}</script>"#, attribute(nonce), self.javascript())
    }

    /// What is in the script, for a file that the page loads.
    ///
    /// ```
    /// use resound::front_end::EchoOptions;
    ///
    /// // GET /resound.js
    /// let file = EchoOptions::new("resound-key").javascript();
    /// assert!(file.starts_with("window.resound="));
    /// ```
    pub fn javascript(&self) -> String {
        let options = self.object();
        match (&self.host, self.connector) {
            (_, Connector::Null) | (PublicHost::Cluster | PublicHost::At { .. }, _) => {
                format!("window.resound={options};")
            }
            (PublicHost::SameOrigin, Connector::SocketIo) => {
                format!("window.resound={ON_PAGE_SOCKET_IO}({options},location);")
            }
            (PublicHost::SameOrigin, Connector::Reverb | Connector::Pusher) => {
                format!("window.resound={ON_PAGE}({options},location);")
            }
        }
    }

    /// A `<meta name="resound">`, for pages whose policy allows no script of theirs.
    ///
    /// # Errors
    /// If the server is where the page comes from; [`on`](EchoOptions::on) says where that is.
    ///
    /// ```
    /// use resound::front_end::{EchoOptions, PublicHost};
    ///
    /// let options = EchoOptions { host: PublicHost::https("ws.example.org"), ..EchoOptions::new("key") };
    /// // JSON.parse(document.querySelector('meta[name="resound"]').content)
    /// assert!(options.meta()?.starts_with(r#"<meta name="resound" content="{&quot;broadcaster&quot;:"#));
    /// # Ok::<(), resound::front_end::UnknownOrigin>(())
    /// ```
    pub fn meta(&self) -> Result<String, UnknownOrigin> {
        Ok(format!(r#"<meta name="resound" content="{}">"#, attribute(&self.json()?)))
    }

    /// JSON, for a page that fetches it.
    ///
    /// # Errors
    /// Those of [`EchoOptions::meta`].
    ///
    /// ```
    /// use resound::front_end::{EchoOptions, PublicHost};
    ///
    /// let options = EchoOptions { host: PublicHost::https("ws.example.org"), ..EchoOptions::new("key") };
    /// assert!(options.json()?.starts_with(r#"{"broadcaster":"reverb","key":"key","#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json(&self) -> Result<String, UnknownOrigin> {
        let is_known = self.host != PublicHost::SameOrigin || self.connector == Connector::Null;
        if is_known { Ok(self.object()) } else { Err(UnknownOrigin) }
    }

    /// The options as JSON that is safe within a script: no `<`, no `>`, no `&`, nothing that is not ASCII.
    fn object(&self) -> String {
        let member = |(key, value): (&str, Value)| {
            let value = json::encode(&value).expect("these values are JSON");
            format!(r#""{key}":{value}"#)
        };
        let members: Vec<String> = self.members().into_iter().map(member).collect();
        let text = members.join(",").replace('<', "\\u003C").replace('>', "\\u003E");
        format!("{{{}}}", text.replace('&', "\\u0026"))
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        let (name, mut members) = match self.connector {
            Connector::Reverb => ("reverb", self.pusher()),
            Connector::Pusher => ("pusher", self.pusher()),
            Connector::SocketIo => ("socket.io", self.socket_io()),
            Connector::Null => ("null", Vec::new()),
        };
        members.insert(0, ("broadcaster", json!(name)));
        members.push(("authEndpoint", json!(self.auth_endpoint)));
        // Echo puts the token against forged requests into these headers.
        let user = json!({ "endpoint": self.user_auth_endpoint, "headers": {} });
        members.push(("userAuthentication", user));
        for (key, text) in [("csrfToken", &self.csrf_token), ("namespace", &self.namespace)] {
            members.extend(text.as_ref().map(|text| (key, json!(text))));
        }
        members
    }

    /// What Echo's connector of Socket.IO understands.
    fn socket_io(&self) -> Vec<(&'static str, Value)> {
        let PublicHost::At { scheme, host, port } = &self.host else { return Vec::new() };
        let scheme = if *scheme == PublicScheme::Https { "https" } else { "http" };
        vec![("host", json!(format!("{scheme}://{host}:{port}")))]
    }

    /// What pusher-js understands.
    fn pusher(&self) -> Vec<(&'static str, Value)> {
        let mut options = vec![("key", json!(self.key))];
        if let Some(cluster) = &self.cluster {
            options.push(("cluster", json!(cluster)));
        }
        if let PublicHost::At { scheme, host, port } = &self.host {
            options.push(("wsHost", json!(host)));
            options.push(("wsPort", json!(port)));
            options.push(("wssPort", json!(port)));
            options.push(("forceTLS", json!(*scheme == PublicScheme::Https)));
        }
        let path = self.path.trim_matches('/');
        if !path.is_empty() {
            options.push(("wsPath", json!(format!("/{path}"))));
        }
        if !self.transports.is_empty() {
            options.push(("enabledTransports", json!(self.transports)));
        }
        options
    }
}

/// A text between double quotes in HTML.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(options: &EchoOptions) -> Value {
        serde_json::from_str(&options.object()).expect("JSON")
    }

    const HOSTILE: &str = "</script><script>alert(1)</script>\u{2028}\u{2029}<!--\"'&\\ é";

    fn hostile() -> EchoOptions {
        let text = || HOSTILE.to_owned();
        EchoOptions {
            host: PublicHost::https(HOSTILE),
            path: text(),
            cluster: Some(text()),
            transports: vec![text()],
            auth_endpoint: text(),
            user_auth_endpoint: text(),
            csrf_token: Some(text()),
            namespace: Some(text()),
            ..EchoOptions::new(HOSTILE)
        }
    }

    #[test]
    fn options_are_what_echo_takes() {
        let options = EchoOptions {
            host: PublicHost::https("ws.example.org"),
            path: "ws/".to_owned(),
            csrf_token: Some("t".to_owned()),
            namespace: Some("Shop.Events".to_owned()),
            ..EchoOptions::new("k")
        };
        let expected = json!({
            "broadcaster": "reverb", "key": "k", "wsHost": "ws.example.org", "wsPort": 443, "wssPort": 443,
            "forceTLS": true, "enabledTransports": ["ws", "wss"], "wsPath": "/ws",
            "authEndpoint": "/broadcasting/auth",
            "userAuthentication": { "endpoint": "/broadcasting/user-auth", "headers": {} },
            "csrfToken": "t", "namespace": "Shop.Events",
        });
        assert_eq!(value(&options), expected);
    }

    #[test]
    fn each_connector_gets_its_own() {
        let pusher = EchoOptions {
            connector: Connector::Pusher,
            host: PublicHost::Cluster,
            cluster: Some("eu".to_owned()),
            ..EchoOptions::new("k")
        };
        assert_eq!(
            (&value(&pusher)["cluster"], value(&pusher).get("wsHost")),
            (&json!("eu"), None)
        );
        let socket_io = EchoOptions {
            connector: Connector::SocketIo,
            host: PublicHost::http("h", 6001),
            ..EchoOptions::new("")
        };
        assert_eq!(value(&socket_io)["host"], "http://h:6001");
        assert_eq!(value(&socket_io).get("key"), None);
        let null = EchoOptions { connector: Connector::Null, ..EchoOptions::new("") };
        assert!(null.javascript().starts_with(r#"window.resound={"broadcaster":"null""#));
    }

    #[test]
    fn no_value_gets_out_of_its_script() {
        let script = hostile().script_with_nonce("\"><script>");
        let inner = script.strip_prefix(r#"<script nonce="&quot;&gt;&lt;script&gt;">"#);
        let inner = inner.and_then(|script| script.strip_suffix("</script>")).expect("a script");
        assert!(inner.is_ascii() && !inner.contains(['<', '>', '&']), "{inner}");
        let json = inner.strip_prefix("window.resound=").and_then(|text| text.strip_suffix(';'));
        let read: Value = serde_json::from_str(json.expect("an assignment")).expect("JSON");
        assert_eq!(read, value(&hostile()));
        assert_eq!(read["key"], HOSTILE);
    }

    #[test]
    fn no_value_gets_out_of_its_meta_tag() {
        let meta = hostile().meta().expect("a host");
        let inner = meta.strip_prefix(r#"<meta name="resound" content=""#);
        let inner = inner.and_then(|meta| meta.strip_suffix(r#"">"#)).expect("a tag");
        assert!(inner.is_ascii() && !inner.contains(['<', '>', '"']), "{inner}");
        let json = inner.replace("&quot;", "\"").replace("&amp;", "&");
        assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON"), value(&hostile()));
    }

    #[test]
    fn only_the_browser_knows_where_the_page_comes_from() {
        let options = EchoOptions::new("k");
        assert_eq!((options.json(), options.meta()), (Err(UnknownOrigin), Err(UnknownOrigin)));
        assert!(options.script().ends_with(",location);</script>"));
        let at = |host: &str| options.clone().on(PublicScheme::Http, host).host;
        assert_eq!(at("h"), PublicHost::http("h", 80));
        assert_eq!(at("[::1]:81"), PublicHost::http("[::1]", 81));
        assert_eq!(at("[::1]"), PublicHost::http("[::1]", 80));
    }
}
