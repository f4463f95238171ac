//! The state machine of rustls, without sockets: records go in, plaintext and records come out.

use std::{mem, sync::Arc};

use rustls::{
    Error, ServerConfig,
    server::{ServerConnectionData, UnbufferedServerConnection},
    unbuffered::{
        ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
    },
};

use super::plaintext::Plaintext;

/// What a record may need beyond what it carries: header, nonce and tag.
const RECORD_OVERHEAD: usize = 64;

/// A connection's keys and how far it has come.
pub(super) struct Machine {
    connection: UnbufferedServerConnection,
    /// Whether the client has said that nothing more will come.
    pub(super) is_ended: bool,
    failure: Option<Error>,
}

/// What is to be sent.
#[derive(Clone, Copy, Default)]
pub(super) enum Say<'a> {
    #[default]
    Nothing,
    Data(&'a [u8]),
    Farewell,
}

/// Records on their way out. The room is kept, and used again.
#[derive(Default)]
pub(super) struct Outgoing {
    room: Vec<u8>,
    filled: usize,
}

impl Machine {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        let connection = UnbufferedServerConnection::new(config)?;
        Ok(Self { connection, is_ended: false, failure: None })
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Takes records in until more have to come, and says what is to be said. Returns how many bytes
    /// are done with, and what went wrong; the client's notice of that is among the outgoing records.
    pub(super) fn turn(
        &mut self,
        records: &mut [u8],
        mut say: Say<'_>,
        plaintext: &mut Plaintext<'_>,
        outgoing: &mut Outgoing,
    ) -> (usize, Result<(), Error>) {
        let mut taken = 0;
        while self.failure.is_none() {
            let UnbufferedStatus { mut discard, state } =
                self.connection.process_tls_records(&mut records[taken..]);
            let mut is_done = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        plaintext.put(record.payload);
                        discard += record.discard;
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => outgoing.encode(&mut data),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.is_ended = true,
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    self.failure = outgoing.say(mem::take(&mut say), &mut traffic).err();
                    is_done = true;
                }
                // Early data is not allowed: whoever has overheard it could send it again.
                Ok(_) => is_done = true,
                Err(error) => self.fail(error, outgoing),
            }
            taken += discard;
            if is_done {
                break;
            }
        }
        let result = match (&self.failure, say) {
            (Some(failure), _) => Err(failure.clone()),
            (None, Say::Data(_)) => Err(Error::HandshakeNotComplete),
            (None, Say::Nothing | Say::Farewell) => Ok(()),
        };
        (taken, result)
    }

    /// Tells the client what went wrong. Nothing is taken in any more: rustls would stumble over the
    /// same record again.
    fn fail(&mut self, error: Error, outgoing: &mut Outgoing) {
        while self.connection.wants_write() {
            match self.connection.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => outgoing.encode(&mut data),
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while traffic.next_record().is_some() {}
                }
                Ok(_) | Err(_) => break,
            }
        }
        self.failure = Some(error);
    }
}

impl Outgoing {
    pub(super) fn records(&self) -> &[u8] {
        &self.room[..self.filled]
    }

    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Room behind what there is.
    fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.room.len() < self.filled + bytes {
            self.room.resize(self.filled + bytes, 0);
        }
        &mut self.room[self.filled..]
    }

    fn encode(&mut self, data: &mut EncodeTlsData<'_, ServerConnectionData>) {
        let mut bytes = RECORD_OVERHEAD;
        loop {
            match data.encode(self.room(bytes)) {
                Ok(count) => return self.filled += count,
                Err(EncodeError::InsufficientSize(shortage)) => bytes = shortage.required_size,
                Err(EncodeError::AlreadyEncoded) => return,
            }
        }
    }

    fn say(
        &mut self,
        say: Say<'_>,
        traffic: &mut WriteTraffic<'_, ServerConnectionData>,
    ) -> Result<(), Error> {
        let mut bytes = RECORD_OVERHEAD;
        loop {
            let said = match say {
                Say::Nothing => return Ok(()),
                Say::Data(data) => {
                    traffic.encrypt(data, self.room(bytes.max(data.len() + RECORD_OVERHEAD)))
                }
                Say::Farewell => traffic.queue_close_notify(self.room(bytes)),
            };
            match said {
                Ok(count) => {
                    self.filled += count;
                    return Ok(());
                }
                Err(EncryptError::InsufficientSize(shortage)) => bytes = shortage.required_size,
                Err(EncryptError::EncryptExhausted) => return Err(Error::EncryptError),
            }
        }
    }
}
