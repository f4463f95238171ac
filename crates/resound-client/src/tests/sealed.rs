//! Encrypted channels.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};

use super::scene::{bad, connected_with, good};
use crate::{AuthorizationRequest, Authorizer, Authorizing, SecretAuthorizer};

const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OLD_MASTER_KEY: &str = "HB0eHwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";
const DATA: &str = r#"{"nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7","ciphertext":"JmRF3YLDbqj+WmJt0MT/EaVUIdKlfAzPHyTcinQc67lNXMICtXLII9a7AQ=="}"#;

/// Gives the old key until it is turned.
#[derive(Clone, Default)]
struct Turning(Arc<AtomicBool>);

impl Authorizer for Turning {
    fn authorize<'a>(&'a self, request: &'a AuthorizationRequest) -> Authorizing<'a> {
        let is_turned = self.0.load(Ordering::SeqCst);
        let key = if is_turned { MASTER_KEY } else { OLD_MASTER_KEY };
        Box::pin(async move {
            SecretAuthorizer::new("key", "secret").master_key(key)?.authorize(request).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sealed_with_another_key_is_opened_with_a_fresh_one() {
    let turning = Turning::default();
    let (client, _server, mut peer) =
        connected_with(|builder| builder.authorizer(turning.clone())).await;
    let mut orders = client.encrypted_private("orders.7").listen::<Value>(".shipped");
    let asked = peer.confirm_signed(json!({})).await;
    assert_eq!(asked.get("shared_secret"), None);
    let data: Value = serde_json::from_str(DATA).expect("JSON");
    let name = "private-encrypted-orders.7";
    peer.event(name, "shipped", data.clone()).await;
    assert_eq!(
        bad(&mut orders).await,
        "the data of shipped on private-encrypted-orders.7 cannot be decrypted with the channel's key"
    );
    turning.0.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        peer.event(name, "shipped", data.clone()).await;
    }
    peer.event(name, "shipped", json!({ "id": "in clear" })).await;
    for _ in 0..3 {
        assert_eq!(good(&mut orders).await, json!({ "id": 7, "status": "shipped" }));
    }
    bad(&mut orders).await;
}
