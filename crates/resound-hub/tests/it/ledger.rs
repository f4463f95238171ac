//! What the owners of channels say happens, against what can happen: every world keeps such a ledger.

use std::collections::{BTreeMap, BTreeSet};

use resound_hub::app::AppNumber;
use resound_protocol::webhook::What;

/// All that was said, and the picture that somebody has who believes it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) entries: Vec<(String, What)>,
    channels: BTreeMap<(AppNumber, String), BTreeSet<String>>,
}

impl Ledger {
    /// Takes an entry that fits the picture.
    #[track_caller]
    pub(crate) fn take(&mut self, app: AppNumber, channel: &str, what: What) {
        let key = (app, channel.to_owned());
        let members = self.channels.get_mut(&key);
        match &what {
            What::ChannelOccupied => {
                assert!(members.is_none(), "{channel} is occupied already");
                self.channels.insert(key, BTreeSet::new());
            }
            What::ChannelVacated => {
                let members = self.channels.remove(&key).expect("it was occupied");
                assert_eq!(members, BTreeSet::new(), "{channel} still has members");
            }
            What::MemberAdded { user_id } => {
                let members = members.expect("its channel is occupied");
                assert!(members.insert(user_id.clone()), "{user_id} is in {channel} already");
            }
            What::MemberRemoved { user_id } => {
                let members = members.expect("its channel is still occupied");
                assert!(members.remove(user_id), "{user_id} is not in {channel}");
            }
            What::ClientEvent { user_id, .. } => {
                let is_presence = channel.starts_with("presence-");
                assert!(is_presence || user_id.is_none(), "{channel} has no users");
                let is_in = |id: &String| members.as_ref().is_some_and(|m| m.contains(id));
                assert!(user_id.as_ref().is_none_or(is_in), "{user_id:?} is not in {channel}");
            }
            What::CacheMiss => assert!(members.is_some(), "nobody missed anything in {channel}"),
            What::SubscriptionCount { .. } => {
                assert!(members.is_some(), "{channel} has no subscribers");
                assert!(!channel.starts_with("presence-"), "{channel} has members");
            }
        }
        self.entries.push((channel.to_owned(), what));
    }

    /// The members of a channel; `None` if it is not occupied.
    pub(crate) fn members(&self, app: AppNumber, channel: &str) -> Option<&BTreeSet<String>> {
        self.channels.get(&(app, channel.to_owned()))
    }

    /// Channels that somebody is thought to be in.
    pub(crate) fn occupied(&self, app: AppNumber) -> Vec<&str> {
        let of_app = self.channels.keys().filter(|(of, _)| *of == app);
        of_app.map(|(_, name)| &**name).collect()
    }
}
