//! Who is in a presence channel: users, however many connections each has.

use std::collections::HashMap;

use resound_protocol::member::Member;

use crate::shrink::shrink_map;

#[derive(Debug, Default)]
pub(crate) struct Presence {
    members: HashMap<Box<str>, Present>,
    /// Counts joins, so that the list keeps their order.
    joins: u64,
}

#[derive(Debug)]
struct Present {
    member: Member,
    connections: u32,
    joined: u64,
}

/// What a join means to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// The user was not there before: they are told.
    First,
    /// Another connection of a user who is there: nobody is told.
    Another,
}

impl Presence {
    /// Whether this user can come in, given the limit.
    pub(crate) fn has_room(&self, user_id: &str, members_max: usize) -> bool {
        self.members.len() < members_max || self.members.contains_key(user_id)
    }

    /// Counts a connection of a user in. The first connection's `user_info` is the user's: no
    /// event exists that could tell the others of another one.
    pub(crate) fn join(&mut self, member: &Member) -> Join {
        if let Some(present) = self.members.get_mut(&member.user_id) {
            present.connections += 1;
            return Join::Another;
        }
        self.joins += 1;
        let present = Present { member: member.clone(), connections: 1, joined: self.joins };
        self.members.insert(member.user_id.clone(), present);
        Join::First
    }

    /// Counts a connection of a user out; the member, if it was the last one.
    pub(crate) fn leave(&mut self, user_id: &str) -> Option<Member> {
        let present = self.members.get_mut(user_id)?;
        present.connections -= 1;
        if present.connections > 0 {
            return None;
        }
        let left = self.members.remove(user_id).map(|present| present.member);
        shrink_map(&mut self.members);
        left
    }

    /// The users in the order in which they came.
    pub(crate) fn members(&self) -> Vec<&Member> {
        let mut present: Vec<&Present> = self.members.values().collect();
        present.sort_unstable_by_key(|present| present.joined);
        present.into_iter().map(|present| &present.member).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> Member {
        Member {
            user_id: id.into(),
            user_id_json: format!("\"{id}\"").into(),
            user_info_json: None,
        }
    }

    #[test]
    fn a_user_is_there_from_the_first_connection_to_the_last() {
        let mut presence = Presence::default();
        assert_eq!(presence.join(&member("b")), Join::First);
        assert_eq!(presence.join(&member("a")), Join::First);
        assert_eq!(presence.join(&member("b")), Join::Another);
        assert_eq!(presence.members(), [&member("b"), &member("a")]);
        assert_eq!(presence.leave("b"), None);
        assert_eq!(presence.leave("b"), Some(member("b")));
        assert_eq!(presence.leave("b"), None);
        assert_eq!(presence.members(), [&member("a")]);
    }

    #[test]
    fn a_full_channel_still_takes_another_connection_of_a_member() {
        let mut presence = Presence::default();
        presence.join(&member("a"));
        assert!(presence.has_room("a", 1));
        assert!(!presence.has_room("b", 1));
    }
}
