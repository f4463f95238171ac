//! Updates as browsers send them, in the format of Yjs (`Y.encodeStateAsUpdate`, version 1).
//!
//! The format can carry far more than a text: maps, embedded things, other documents. Whatever is not part of a text
//! that people type is refused here, before the library that merges it gets to see it: the browsers of others rely on
//! that, and a format that is nested without end can't be used to exhaust the stack.

use yrs::updates::decoder::Decode as _;

/// The name of the text in a Yjs document: `doc.getText('text')`.
pub const ROOT: &str = "text";
/// The client that has inserted what nobody has: the text that a document begins with.
pub const SEED: u64 = 1;
/// Of one update.
pub const UPDATE_BYTES_MAX: usize = 48 * 1024;
/// Of one update. A browser writes as one, and as another one if it finds its number taken.
const CLIENTS_MAX: usize = 4;
/// How many things a client may have inserted, and clients' numbers: far from where integers end.
const CLOCK_MAX: u64 = 1 << 30;
const CLIENT_MAX: u64 = 1 << 53;

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_KEY: u8 = 0x20;
const KIND: u8 = 0x1f;
const GARBAGE: u8 = 0;
const DELETED: u8 = 1;
const STRING: u8 = 4;

/// An update that only inserts and deletes text.
#[derive(Clone, Debug)]
pub struct Update {
    pub bytes: Vec<u8>,
    pub clients: Vec<Client>,
}

impl Update {
    /// None if it is anything else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let clients = reader.insertions()?;
        reader.deletions()?;
        (reader.0.is_empty() && bytes.len() <= UPDATE_BYTES_MAX)
            .then(|| Self { bytes: bytes.to_vec(), clients })
    }

    /// The same for the library.
    pub fn decode(&self) -> Option<yrs::Update> {
        yrs::Update::decode_v1(&self.bytes).ok()
    }
}

/// Whose insertions an update contains.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// What a browser has chosen for itself.
    pub number: u64,
    /// How much it must have inserted before.
    pub clock: u32,
}

/// What is left to be read. Counts are never believed: each thing that is counted takes at least one byte.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn insertions(&mut self) -> Option<Vec<Client>> {
        let mut clients: Vec<Client> = Vec::new();
        for _ in 0..self.number()? {
            let count = self.number()?;
            let (number, mut clock) = (self.client()?, self.clock()?);
            let is_twice = clients.iter().any(|known| known.number == number);
            if is_twice || number == SEED || clients.len() == CLIENTS_MAX {
                return None;
            }
            clients.push(Client { number, clock: u32::try_from(clock).ok()? });
            for _ in 0..count {
                clock += self.insertion()?;
                if clock > CLOCK_MAX {
                    return None;
                }
            }
        }
        Some(clients)
    }

    /// Reads an insertion, and says how long it is.
    fn insertion(&mut self) -> Option<u64> {
        let info = self.byte()?;
        if info & KIND == GARBAGE {
            return self.length();
        }
        if info & HAS_ORIGIN != 0 {
            self.place()?;
        }
        if info & HAS_RIGHT_ORIGIN != 0 {
            self.place()?;
        }
        // Without neighbours it has to say where it belongs to, and there is one text only.
        if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) == 0 {
            let is_root = self.number()? == 1 && info & HAS_KEY == 0;
            if !is_root || self.string()? != ROOT {
                return None;
            }
        }
        match info & KIND {
            DELETED => self.length(),
            STRING => {
                let text = self.string()?;
                let length = text.encode_utf16().count() as u64;
                (length > 0 && text.chars().all(is_text)).then_some(length)
            }
            _ => None,
        }
    }

    fn deletions(&mut self) -> Option<()> {
        for _ in 0..self.number()? {
            self.client()?;
            for _ in 0..self.number()? {
                self.clock()?;
                self.length()?;
            }
        }
        Some(())
    }

    fn place(&mut self) -> Option<()> {
        self.client()?;
        self.clock().map(drop)
    }

    fn client(&mut self) -> Option<u64> {
        self.number().filter(|number| *number < CLIENT_MAX)
    }

    fn clock(&mut self) -> Option<u64> {
        self.number().filter(|number| *number < CLOCK_MAX)
    }

    fn length(&mut self) -> Option<u64> {
        self.clock().filter(|number| *number > 0)
    }

    fn string(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(string).ok()
    }

    /// Seven bits in each byte, the lowest first; the eighth says that there are more.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }
}

/// What a text field of a browser gives back as it was set. Others (a carriage return, say) it changes, and then it
/// would count other places than the document does.
pub fn is_text(c: char) -> bool {
    !c.is_control() || c == '\n' || c == '\t'
}
