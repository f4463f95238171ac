//! How clients of Socket.IO are let into private and presence channels: the application is asked, in
//! the client's name.

use resound_protocol::{error::ClientError, member::Member, socket_id::SocketId};

use crate::{
    hub::Hub,
    peer::{ChannelKey, Slot, Ticket, WelcomeKind},
    session::Place,
    sink::Sink,
    subscribe::{Refusal, parse_member},
    time::Now,
};

/// A question to the application.
#[derive(Debug)]
pub struct AuthRequest {
    /// Where the connection was when it asked.
    pub slot: Slot,
    /// Who asks.
    pub socket_id: SocketId,
    /// Which of its subscriptions waits for the answer.
    pub(crate) serial: u32,
    /// What it wants in.
    pub channel: ChannelKey,
    /// The headers that it wants sent along.
    pub headers: Vec<(String, String)>,
}

/// The application's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthAnswer {
    /// The client may come in.
    Granted {
        /// JSON with `user_id` and `user_info`, for presence channels.
        channel_data: Option<String>,
    },
    /// It may not.
    Refused {
        /// The HTTP status; 0 if the application could not be reached.
        status: u16,
    },
}

impl AuthRequest {
    /// The question without what only the question needs, to be given back with the answer.
    pub fn into_ticket(self) -> (AuthTicket, Vec<(String, String)>) {
        let Self { socket_id, serial, channel, headers, .. } = self;
        (AuthTicket { socket_id, serial, channel }, headers)
    }
}

/// Which question an answer belongs to.
#[derive(Debug)]
pub struct AuthTicket {
    socket_id: SocketId,
    serial: u32,
    channel: ChannelKey,
}

impl Hub {
    /// Takes the application's answer. Nothing happens if the client has left, or does not want in
    /// any more.
    pub fn authorised(
        &mut self,
        ticket: &AuthTicket,
        answer: AuthAnswer,
        now: Now,
        sink: &mut dyn Sink,
    ) {
        self.take_answer(ticket, answer, sink);
        self.settle(now, sink);
    }

    fn take_answer(&mut self, ticket: &AuthTicket, answer: AuthAnswer, sink: &mut dyn Sink) {
        let AuthTicket { socket_id, serial, channel } = ticket;
        // It may be away, or have come back to its session in another slot.
        self.question_answered(*socket_id);
        let id = self.local.find(channel.app, channel.name.as_str());
        let waits = id.filter(|id| {
            let session = self.session_of(*socket_id);
            let subscription = session.and_then(|session| session.subscription(*id));
            subscription.is_some_and(|s| s.serial == *serial && s.place == Place::Authorising)
        });
        let Some(id) = waits else {
            return;
        };
        let member = match answer {
            AuthAnswer::Granted { channel_data } => self.member(channel, channel_data.as_deref()),
            AuthAnswer::Refused { status } => Err(Denial::Status(status)),
        };
        match member {
            Ok(member) => {
                let session = self.session_of_mut(*socket_id);
                if let Some(s) = session.and_then(|session| session.subscription_mut(id)) {
                    s.place = Place::Asked;
                    s.member = member.as_ref().map(|member| member.user_id.clone());
                }
                let welcome =
                    if member.is_some() { WelcomeKind::Members } else { WelcomeKind::Plain };
                let ticket = Ticket::New(*serial);
                self.ask_owner(*socket_id, channel, member, welcome, ticket, sink);
            }
            Err(denial) => {
                self.take_back(*socket_id, id);
                match denial {
                    Denial::Refusal(refusal) => self.deny(*socket_id, channel, &refusal, sink),
                    Denial::Status(status) => {
                        let reason = ClientError::Unauthorized.to_string();
                        self.deny_with(*socket_id, channel, status, &reason, sink);
                    }
                }
            }
        }
    }

    /// Who comes in. Without `channel_data` somebody in a presence channel hears its events, and is
    /// no member, as with laravel-echo-server.
    fn member(&self, channel: &ChannelKey, data: Option<&str>) -> Result<Option<Member>, Denial> {
        let Some(data) = data.filter(|_| channel.name.is_presence()) else {
            return Ok(None);
        };
        let Some(app) = self.app(channel.app) else {
            return Err(Denial::Status(0));
        };
        parse_member(data, app.options.presence_member_bytes_max).map(Some).map_err(Denial::Refusal)
    }
}

enum Denial {
    /// The application's status.
    Status(u16),
    /// The application's answer is none of a member.
    Refusal(Refusal),
}
