//! A text that many write at once: yrs, the Rust side of Yjs, whose updates can be merged in any order.

use yrs::{
    Doc, GetString as _, OffsetKind, Options, ReadTxn as _, StateVector, Text as _, TextRef,
    Transact as _, block::ClientID, updates::decoder::Decode as _,
};

use super::update::{Client, ROOT, SEED, Update};

/// In UTF-16 code units, as browsers count. In a form each takes up to nine bytes, and a form may have 64 KiB.
pub const CHARACTERS_MAX: usize = 7_000;

/// Why an update is not merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no update of a text.
    Unreadable,
    /// It builds on changes that are not here.
    Gap,
    /// The text would have so many characters.
    TooLong(usize),
}

/// The text as the server has it. It lives as long as one request: the truth is in the database.
pub struct Replica {
    doc: Doc,
    text: TextRef,
}

impl Replica {
    /// The state of a text that nobody has edited yet. The same text gives the same state, whoever asks.
    pub fn seed(text: &str) -> Vec<u8> {
        let replica = Self::empty(ClientID::new(SEED));
        replica.text.insert(&mut replica.doc.transact_mut(), 0, text);
        replica.state()
    }

    /// What has been stored: a state and the updates after it.
    pub fn load<'a>(stored: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Refusal> {
        let replica = Self::empty(ClientID::random());
        for bytes in stored {
            let update = yrs::Update::decode_v1(bytes).map_err(|_| Refusal::Unreadable)?;
            let mut transaction = replica.doc.transact_mut();
            transaction.apply_update(update).map_err(|_| Refusal::Unreadable)?;
        }
        Ok(replica)
    }

    fn empty(client: ClientID) -> Self {
        let options = Options { offset_kind: OffsetKind::Utf16, ..Options::with_client_id(client) };
        let doc = Doc::with_options(options);
        let text = doc.get_or_insert_text(ROOT);
        Self { doc, text }
    }

    /// Merges an update, and says whether there was something new in it. Drop the replica if it is refused.
    pub fn merge(&self, update: &Update) -> Result<bool, Refusal> {
        let decoded = update.decode().ok_or(Refusal::Unreadable)?;
        let mut transaction = self.doc.transact_mut();
        let known = transaction.state_vector();
        let is_known = |it: &Client| known.get(&ClientID::new(it.number)) >= it.clock;
        if !update.clients.iter().all(is_known) {
            return Err(Refusal::Gap);
        }
        transaction.apply_update(decoded).map_err(|_| Refusal::Unreadable)?;
        let store = transaction.store();
        if store.pending_update().is_some() || store.pending_ds().is_some() {
            return Err(Refusal::Gap);
        }
        let is_new = transaction.has_changes();
        drop(transaction);
        let text = self.text();
        check_length(&text)?;
        // Neighbours that contradict each other would give one text to who has seen all changes, and another one to who
        // comes later.
        if is_new && Self::load([&*self.state()])?.text() != text {
            return Err(Refusal::Unreadable);
        }
        Ok(is_new)
    }

    /// Makes this the text, by changing what differs only: whoever writes elsewhere at the same time is not disturbed.
    /// None if it is the text already.
    pub fn replace(&self, text: &str) -> Result<Option<Update>, Refusal> {
        check_length(text)?;
        let before = self.text();
        let (start, removed, inserted) = difference(&before, text);
        if removed == 0 && inserted.is_empty() {
            return Ok(None);
        }
        let mut transaction = self.doc.transact_mut();
        self.text.remove_range(&mut transaction, start, removed);
        self.text.insert(&mut transaction, start, inserted);
        let bytes = transaction.encode_update_v1();
        Update::parse(&bytes).map(Some).ok_or(Refusal::Unreadable)
    }

    /// The text as it is read.
    pub fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    /// All of it in one update.
    pub fn state(&self) -> Vec<u8> {
        self.doc.transact().encode_diff_v1(&StateVector::default())
    }
}

fn check_length(text: &str) -> Result<(), Refusal> {
    let length = units(text) as usize;
    if length > CHARACTERS_MAX { Err(Refusal::TooLong(length)) } else { Ok(()) }
}

/// Where two texts begin to differ, how much of the first one goes, and what takes its place.
fn difference<'a>(before: &str, after: &'a str) -> (u32, u32, &'a str) {
    let same = |(a, b): &(char, char)| a == b;
    let bytes = |(c, _): (char, char)| c.len_utf8();
    let start: usize = before.chars().zip(after.chars()).take_while(same).map(bytes).sum();
    let (before_rest, after_rest) = (&before[start..], &after[start..]);
    let backwards = before_rest.chars().rev().zip(after_rest.chars().rev());
    let end: usize = backwards.take_while(same).map(bytes).sum();
    let removed = &before_rest[..before_rest.len() - end];
    (units(&before[..start]), units(removed), &after_rest[..after_rest.len() - end])
}

/// The length as browsers count.
fn units(text: &str) -> u32 {
    text.chars().map(|c| c.len_utf16() as u32).sum()
}
