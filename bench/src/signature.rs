//! Signatures of the Pusher protocol: of requests to the HTTP API and of subscriptions.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};

/// Signs in the name of one app. The secret's key schedule is prepared once.
#[derive(Clone)]
pub(crate) struct Signer {
    key: String,
    hmac: Hmac<Sha256>,
}

impl Signer {
    pub(crate) fn new(key: &str, secret: &str) -> Self {
        let hmac = Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        Self { key: key.to_owned(), hmac }
    }

    /// The query of a request to the HTTP API, signature included: spec/pusher-http.md, 2.2.
    pub(crate) fn query(&self, method: &str, path: &str, timestamp: u64, body: &[u8]) -> String {
        let mut query =
            format!("auth_key={}&auth_timestamp={timestamp}&auth_version=1.0", self.key);
        if !body.is_empty() {
            query.push_str("&body_md5=");
            HEXLOWER.encode_append(&Md5::digest(body), &mut query);
        }
        let signature = self.sign(&[method, "\n", path, "\n", &query]);
        query.push_str("&auth_signature=");
        query.push_str(&signature);
        query
    }

    /// The `auth` of a subscription to a private channel, or with `channel_data` to a presence channel.
    pub(crate) fn subscription(
        &self,
        socket_id: &str,
        channel: &str,
        channel_data: Option<&str>,
    ) -> String {
        let signature = match channel_data {
            Some(data) => self.sign(&[socket_id, ":", channel, ":", data]),
            None => self.sign(&[socket_id, ":", channel]),
        };
        format!("{}:{signature}", self.key)
    }

    fn sign(&self, parts: &[&str]) -> String {
        let mut hmac = self.hmac.clone();
        for part in parts {
            hmac.update(part.as_bytes());
        }
        HEXLOWER.encode(&hmac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked vectors of spec/pusher-http.md, 2.2.
    #[track_caller]
    fn check(method: &str, path: &str, body: &str, md5: &str, signature: &str) {
        let signer = Signer::new("resound-key", "resound-secret");
        let query = signer.query(method, path, 1_700_000_000, body.as_bytes());
        let md5 = if md5.is_empty() { String::new() } else { format!("&body_md5={md5}") };
        let expected = format!(
            "auth_key=resound-key&auth_timestamp=1700000000&auth_version=1.0{md5}\
             &auth_signature={signature}"
        );
        assert_eq!(query, expected);
    }

    #[test]
    fn publishing_is_signed_as_in_the_spec() {
        check(
            "POST",
            "/apps/1001/events",
            r#"{"name":"order.shipped","channels":["private-orders.7"],"data":"{\"id\":7,\"status\":\"shipped\"}"}"#,
            "a1e6a00d7454c5a4fb3d869dd5744964",
            "e23d7f69c39a8c0043f5118231314998642c524ee31c09fa5ab8728fd7ac8f0d",
        );
        check(
            "POST",
            "/apps/1001/events",
            r#"{"name":"café","channel":"news","data":"\"€\"","socket_id":"123.456"}"#,
            "0f3942aa396fec3ed6b9fa6a80584465",
            "db9de466438061f528939f2c21bcddb872a1a4eba14ee2cb294724d3474ca752",
        );
        check(
            "POST",
            "/apps/1001/batch_events",
            r#"{"batch":[{"channel":"a","name":"e1","data":"{}"},{"channel":"presence-b","name":"e2","data":"{}","info":"user_count"}]}"#,
            "99aa2a30f709a830c4924535a3978cd8",
            "bc56f9fe5c7959aa8ce6a520a0542d3b86f55584054b762cf66e4b8e9107cee8",
        );
    }

    #[test]
    fn a_request_without_body_has_no_digest_of_it() {
        check(
            "GET",
            "/apps/1001/channels/presence-room.1/users",
            "",
            "",
            "485278ce5452ad19700a3c4de4f5a014a0beac81620e8c8965c1fca94ae55224",
        );
    }

    #[test]
    fn the_sample_of_pusher_itself_is_signed_as_there() {
        let signer = Signer::new("278d425bdf160c739803", "7ad3773142a6692b25b8");
        let body = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
        let query = signer.query("POST", "/apps/3/events", 1_353_088_179, body);
        assert!(query.ends_with(
            "&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
        ));
    }

    #[test]
    fn subscriptions_are_signed_as_documented() {
        let signer = Signer::new("278d425bdf160c739803", "7ad3773142a6692b25b8");
        assert_eq!(
            signer.subscription("1234.1234", "private-foobar", None),
            "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
        );
        let data = r#"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#;
        assert_eq!(
            signer.subscription("1234.1234", "presence-foobar", Some(data)),
            "278d425bdf160c739803:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
        );
    }
}
