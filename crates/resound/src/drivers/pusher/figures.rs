//! What a server tells over HTTP: Pusher HTTP API, "Querying application state"; and Reverb's `/connections`.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    drivers::pusher::{Pusher, client::Reply, unix_seconds},
    error::DriverError,
    figures::{ChannelFigures, Figures},
};

#[derive(Deserialize)]
struct Connections {
    connections: u64,
}

#[derive(Deserialize)]
struct Channels {
    /// By name. PHP writes an empty object as an empty list.
    #[serde(deserialize_with = "map_or_list")]
    channels: BTreeMap<String, Attributes>,
}

#[derive(Default, Deserialize)]
struct Attributes {
    subscription_count: Option<u64>,
    user_count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MapOrList<T> {
    Map(BTreeMap<String, T>),
    List([T; 0]),
}

fn map_or_list<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    MapOrList::deserialize(deserializer).map(|found| match found {
        MapOrList::Map(map) => map,
        MapOrList::List([]) => BTreeMap::new(),
    })
}

impl Pusher {
    pub(super) async fn ask_figures(&self, prefix: &str) -> Result<Figures, DriverError> {
        let mut query = vec![("info", self.info(prefix))];
        if !prefix.is_empty() {
            query.push(("filter_by_prefix", prefix));
        }
        let Channels { channels } = self.get("channels", &query).await?;
        let connections = match self.get("connections", &[]).await {
            Ok(Connections { connections }) => Some(connections),
            // soketi and Pusher have no such route.
            Err(DriverError::Refused(_)) => None,
            Err(fault) => return Err(fault),
        };
        let channels = channels.into_iter().map(|(name, attributes)| ChannelFigures {
            name,
            subscriptions: attributes.subscription_count,
            members: attributes.user_count,
        });
        Ok(Figures { connections, channels: channels.collect() })
    }

    /// Pusher itself refuses the number of users unless all channels are presence channels, and that of subscriptions unless
    /// the application's settings allow it.
    fn info(&self, prefix: &str) -> &'static str {
        match (self.options.host.ends_with(".pusher.com"), prefix.starts_with("presence-")) {
            (false, _) => "subscription_count,user_count",
            (true, true) => "user_count",
            (true, false) => "",
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        what: &str,
        query: &[(&str, &str)],
    ) -> Result<T, DriverError> {
        let path = format!("/apps/{}/{what}", self.options.app_id);
        let url = self.url("GET", &path, query, "", unix_seconds());
        let reply = self.client.get(&url).await?;
        let Reply { status: 200..=299, body } = &reply else { return Err(self.fault(&reply)) };
        serde_json::from_slice(body).map_err(|error| {
            let server = self.options.base();
            DriverError::Refused(format!("{server} answered what can't be read: {error}"))
        })
    }
}
