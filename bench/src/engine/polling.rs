//! Clients that poll: each has one connection on which it always waits for an answer, and couriers for what
//! it says.

use anyhow::Result;
use mio::{Interest, Token};

use crate::answer::Answer;
use crate::connection::{Ending, Phase, connect};
use crate::courier::{Errand, Kind, Return};
use crate::engine::Engine;
use crate::exchange::Reply;
use crate::news::{Handler, Id, News};
use crate::payload::Payload;

impl Engine {
    /// Sends the next poll.
    pub(super) fn ask_for_more(&mut self, id: Id) {
        let Some(connection) = &mut self.connections[id] else { return };
        connection.phase = Phase::Open;
        self.long_poll.write_poll(&mut self.request, &connection.session);
        connection.write(&self.request);
    }

    /// Lets a courier carry a message.
    pub(super) fn post(&mut self, id: Id, message: &[u8], kind: Kind) -> Result<()> {
        let Some(connection) = &self.connections[id] else { return Ok(()) };
        let request = self.long_poll.post(&connection.session, message);
        self.couriers.send(Errand { client: id, kind, request })
    }

    pub(super) fn hear_couriers(&mut self, handler: &mut impl Handler) -> Result<()> {
        if self.couriers.is_empty() {
            return Ok(());
        }
        let mut returns = Vec::new();
        self.couriers.work(&mut returns)?;
        for Return { client, kind, reply } in returns {
            match (reply, kind) {
                // What was said for a client that has left since is of no interest.
                _ if self.connections[client].is_none() => {}
                (Reply::Success, Kind::Subscription) => {
                    handler.hear(self, News::Subscribed(client, &[]))?;
                }
                (Reply::Success, Kind::Other) => {}
                (Reply::Status(status, text), _) => {
                    let why = format!("the server refused a post with HTTP {status} {text}");
                    self.refused(handler, client, &why)?;
                }
                (Reply::Unanswered(why), _) => {
                    self.refused(handler, client, &format!("a post was not answered: {why}"))?;
                }
            }
        }
        Ok(())
    }

    /// Takes the answer to a poll, and polls again as a client does when it has looked at what came.
    pub(super) fn on_answer(
        &mut self,
        handler: &mut impl Handler,
        id: Id,
        bytes: &[u8],
    ) -> Result<()> {
        let answer = match Answer::parse(bytes, false) {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                if let Some(connection) = &mut self.connections[id] {
                    connection.partial.extend_from_slice(bytes);
                }
                return Ok(());
            }
            Err(_) => {
                return self.end(handler, id, &Ending::Unreadable("an answer that is not HTTP"));
            }
        };
        if answer.status != 200 {
            let why = format!("HTTP {} {}", answer.status, answer.text());
            return self.end(handler, id, &Ending::RefusedPoll(why));
        }
        if answer.is_chunked {
            return self.end(handler, id, &Ending::Unreadable("an answer in chunks"));
        }
        self.polls += 1;
        let payload = Payload::parse(self.dialect().protocol, answer.body);
        let now = self.clock.now();
        for message in &payload.messages {
            self.on_message(handler, id, message, now)?;
            if self.connections[id].is_none() {
                return Ok(());
            }
        }
        if let Some(ending) = payload.ending {
            return self.end(handler, id, &ending);
        }
        if answer.is_last {
            return self.reconnect(handler, id);
        }
        self.ask_for_more(id);
        Ok(())
    }

    /// The server does not keep connections alive: the next poll needs another one.
    fn reconnect(&mut self, handler: &mut impl Handler, id: Id) -> Result<()> {
        let mut stream = match connect(self.settings.target.address, id, None) {
            Ok(stream) => stream,
            Err(error) => return self.end(handler, id, &Ending::Network(error)),
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(id), interest)?;
        if let Some(connection) = &mut self.connections[id] {
            connection.stream = stream;
            connection.phase = Phase::Connecting;
        }
        Ok(())
    }
}
