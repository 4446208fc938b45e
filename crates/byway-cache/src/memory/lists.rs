//! Entries in three lists, each in the order of use. A list is a chain of indexes into one vector, so that
//! moving an entry to the front of a list costs the same however many there are.

use std::collections::HashMap;
use std::sync::Arc;

use crate::entry::Entry;

/// Which list an entry is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    /// New ones.
    Window,
    /// Those that were let in and not asked for since.
    Probation,
    /// Those that were.
    Protected,
}

#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Clients choose the keys, so the hash is a keyed one.
    places: HashMap<Arc<str>, usize>,
    nodes: Vec<Node>,
    free: Vec<usize>,
    chains: [Chain; 3],
}

#[derive(Debug)]
struct Node {
    key: Arc<str>,
    /// `None` once it is free.
    entry: Option<Arc<Entry>>,
    bytes: u64,
    segment: Segment,
    newer: Option<usize>,
    older: Option<usize>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Chain {
    newest: Option<usize>,
    oldest: Option<usize>,
    bytes: u64,
}

impl Lists {
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    pub(super) fn entry(&self, node: usize) -> &Arc<Entry> {
        match &self.nodes[node].entry {
            Some(entry) => entry,
            None => unreachable!("a free node is in no list and under no key"),
        }
    }

    pub(super) fn key(&self, node: usize) -> &str {
        &self.nodes[node].key
    }

    pub(super) fn segment(&self, node: usize) -> Segment {
        self.nodes[node].segment
    }

    pub(super) fn bytes(&self, segment: Segment) -> u64 {
        self.chains[segment as usize].bytes
    }

    pub(super) fn bytes_of_all(&self) -> u64 {
        self.chains.iter().map(|chain| chain.bytes).sum()
    }

    /// What was not used for longest.
    pub(super) fn oldest(&self, segment: Segment) -> Option<usize> {
        self.chains[segment as usize].oldest
    }

    /// Adds an entry whose key is not there, to the front of the window.
    pub(super) fn insert(&mut self, key: Arc<str>, entry: Arc<Entry>, bytes: u64) {
        let segment = Segment::Window;
        let node = Node {
            key: Arc::clone(&key),
            entry: Some(entry),
            bytes,
            segment,
            newer: None,
            older: None,
        };
        let place = if let Some(place) = self.free.pop() {
            self.nodes[place] = node;
            place
        } else {
            self.nodes.push(node);
            self.nodes.len() - 1
        };
        self.places.insert(key, place);
        self.link(place, segment);
    }

    /// Moves an entry to the front of a list.
    pub(super) fn move_to(&mut self, node: usize, segment: Segment) {
        if self.segment(node) == segment && self.chains[segment as usize].newest == Some(node) {
            return;
        }
        self.unlink(node);
        self.link(node, segment);
    }

    pub(super) fn remove(&mut self, node: usize) {
        self.unlink(node);
        self.nodes[node].entry = None;
        let key = std::mem::replace(&mut self.nodes[node].key, Arc::from(""));
        self.places.remove(&key);
        self.free.push(node);
    }

    fn link(&mut self, node: usize, segment: Segment) {
        let chain = &mut self.chains[segment as usize];
        let older = chain.newest.replace(node);
        chain.oldest.get_or_insert(node);
        chain.bytes += self.nodes[node].bytes;
        if let Some(older) = older {
            self.nodes[older].newer = Some(node);
        }
        let linked = &mut self.nodes[node];
        (linked.segment, linked.older, linked.newer) = (segment, older, None);
    }

    fn unlink(&mut self, node: usize) {
        let Node { newer, older, bytes, segment, .. } = self.nodes[node];
        let chain = &mut self.chains[segment as usize];
        chain.bytes -= bytes;
        match newer {
            Some(newer) => self.nodes[newer].older = older,
            None => chain.newest = older,
        }
        match older {
            Some(older) => self.nodes[older].newer = newer,
            None => chain.oldest = newer,
        }
    }

    /// Walks all lists both ways and compares them with what is known of them.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut seen = 0;
        for chain in &self.chains {
            let (mut at, mut bytes, mut last) = (chain.newest, 0, None);
            while let Some(node) = at {
                assert_eq!(self.nodes[node].newer, last);
                assert_eq!(self.find(&self.nodes[node].key), Some(node));
                bytes += self.nodes[node].bytes;
                seen += 1;
                last = at;
                at = self.nodes[node].older;
            }
            assert_eq!((chain.oldest, chain.bytes), (last, bytes));
        }
        assert_eq!((seen, seen), (self.places.len(), self.nodes.len() - self.free.len()));
    }
}
