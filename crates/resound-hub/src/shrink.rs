//! Giving memory back after a crowd has left.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

/// Shrinks a map that is nearly empty. A quarter leaves room, so that the cost is spread over as
/// many removals as the map has entries.
pub(crate) fn shrink_map<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > 64 && map.len() < map.capacity() / 4 {
        map.shrink_to(map.len() * 2);
    }
}

/// Shrinks a set that is nearly empty.
pub(crate) fn shrink_set<T: Eq + Hash>(set: &mut HashSet<T>) {
    if set.capacity() > 64 && set.len() < set.capacity() / 4 {
        set.shrink_to(set.len() * 2);
    }
}

/// Shrinks a list that is nearly empty.
pub(crate) fn shrink_vec<T>(list: &mut Vec<T>) {
    if list.capacity() > 16 && list.len() < list.capacity() / 4 {
        list.shrink_to(list.len() * 2);
    }
}
