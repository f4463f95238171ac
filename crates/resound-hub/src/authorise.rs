//! How clients of Socket.IO are let into private and presence channels: the application is asked, in
//! the client's name.

use resound_protocol::{error::ClientError, member::Member, socket_id::SocketId, socketio};

use crate::{
    hub::Hub,
    peer::{ChannelKey, Slot, Ticket, WelcomeKind},
    session::Place,
    sink::{Note, Sink, Who},
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
        // It may have another slot by now, if it has come back to its session meanwhile.
        let Some(slot) = self.sockets.get(socket_id).copied() else {
            return;
        };
        self.question_answered(slot);
        let id = self.local.find(channel.app, channel.name.as_str());
        let waits = id.filter(|id| {
            let subscription = self.session(slot).and_then(|session| session.subscription(*id));
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
                if let Some(s) = self.session_mut(slot).and_then(|s| s.subscription_mut(id)) {
                    s.place = Place::Asked;
                    s.member = member.as_ref().map(|member| member.user_id.clone());
                }
                let welcome =
                    if member.is_some() { WelcomeKind::Members } else { WelcomeKind::Plain };
                self.ask_owner(slot, channel, member, welcome, Ticket::New(*serial), sink);
            }
            Err(denial) => {
                self.take_subscription(slot, id);
                self.local.leave(id);
                self.deny(slot, channel, &denial, sink);
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

    fn deny(&mut self, slot: Slot, channel: &ChannelKey, denial: &Denial, sink: &mut dyn Sink) {
        let name = channel.name.as_str();
        match denial {
            Denial::Refusal(refusal) => self.refuse_subscription(slot, name, refusal, sink),
            Denial::Status(status) => {
                if let Some((session, app)) = self.speaker(slot) {
                    let reason = ClientError::Unauthorized.to_string();
                    let note = Note::SubscriptionRefused { channel: name, reason: &reason };
                    sink.note(&Who { app: &app, socket_id: session.socket_id }, note);
                }
                sink.send(slot, &socketio::subscription_error(name, *status));
            }
        }
    }
}

enum Denial {
    /// The application's status.
    Status(u16),
    /// The application's answer is none of a member.
    Refusal(Refusal),
}
