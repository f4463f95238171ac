//! An event as it arrived.

use serde::de::DeserializeOwned;

/// An event of a channel, before its data is read.
///
/// ```
/// # fn f(event: resound_client::Event) -> serde_json::Result<()> {
/// println!("{} on {}: {}", event.name, event.channel, event.text);
/// let data: serde_json::Value = event.json()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The name on the wire, such as `App\Events\OrderShipped` or `client-typing`.
    pub name: String,
    /// The channel's whole name, such as `private-orders.1`.
    pub channel: String,
    /// The data as the publisher gave it, mostly JSON; empty if there was none.
    pub text: String,
    /// The member who sent it, of a client event on a presence channel.
    pub user_id: Option<String>,
}

impl Event {
    /// An event with this data, as if it had arrived: for tests of what handles events.
    ///
    /// ```
    /// use resound_client::Event;
    ///
    /// let event = Event::new("price", "prices", "1.5".to_owned(), None);
    /// assert_eq!(event.json::<f64>()?, 1.5);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn new(name: &str, channel: &str, text: String, user_id: Option<String>) -> Self {
        Self { name: name.to_owned(), channel: channel.to_owned(), text, user_id }
    }

    /// Reads the data, which is JSON; text that is none is a JSON string, as it is for pusher-js.
    ///
    /// # Errors
    /// What serde says about the data.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     id: u64,
    /// }
    /// # fn f(event: resound_client::Event) -> serde_json::Result<()> {
    /// let order: Order = event.json()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        let text = if self.text.is_empty() { "null" } else { &self.text };
        serde_json::from_str(text).or_else(|error| {
            // What Laravel and `resound` send for an event without fields.
            if text == "[]"
                && let Ok(nothing) = serde_json::from_str("null")
            {
                return Ok(nothing);
            }
            // Text that is no JSON at all, or JSON that somebody wants as the text that it was.
            let string = serde_json::Value::String(self.text.clone());
            serde_json::from_value(string).map_err(|_| error)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(text: &str) -> Event {
        Event::new("e", "c", text.to_owned(), None)
    }

    #[test]
    fn data_is_read_as_pusher_js_reads_it() {
        for (text, value) in [
            (r#"{"id":7}"#, json!({ "id": 7 })),
            ("5", json!(5)),
            ("plain words", json!("plain words")),
            ("", json!(null)),
        ] {
            assert_eq!(event(text).json::<Value>().expect("a value"), value);
        }
        assert_eq!(event("5").json::<String>().expect("the text"), "5");
    }

    #[test]
    fn an_event_without_fields_is_a_unit() {
        #[derive(serde::Deserialize)]
        struct Posted;
        let Posted = event("[]").json().expect("a unit");
        event("[]").json::<()>().expect("a unit");
        assert_eq!(event("[]").json::<Value>().expect("a list"), json!([]));
        assert!(event("[]").json::<Vec<u8>>().expect("a list").is_empty());
    }

    #[test]
    fn data_of_another_shape_says_what_serde_says() {
        let error = event(r#"{"id":"x"}"#).json::<std::collections::HashMap<String, u64>>();
        assert!(error.expect_err("no number").to_string().contains("expected u64"));
    }
}
