//! Publishing: the application's events and the clients' own.

use resound_protocol::{
    api::EventBody,
    channel::{Access, ChannelName},
    client::ClientEvent,
    error::ClientError,
    message,
    socket_id::SocketId,
};

use crate::{
    app::{ClientEvents, LiveApp},
    event::Content,
    hub::Hub,
    peer::{ChannelKey, Message, Publication, Slot},
    sink::{Note, Sink, Who},
    time::Now,
};

impl Hub {
    /// Publishes an application's event to each of its channels.
    pub fn publish(&mut self, app: &LiveApp, event: &EventBody<'_>, now: Now, sink: &mut dyn Sink) {
        let except = event.socket_id.as_deref().and_then(SocketId::parse);
        for name in &event.channels {
            let published = message::event(event.name_json, name, event.data_json);
            let cached_data = name.is_cache().then(|| event.data_json.into());
            let channel = ChannelKey { app: app.number(), name: name.clone() };
            let content = Content::Published(published);
            let publication =
                Publication { channel: channel.clone(), content, except, cached_data, at: now };
            self.route_to_owner(&channel, Message::Publish(publication), sink);
        }
        self.settle(now, sink);
    }

    /// Passes a client's event to the others of its channel, its data untouched.
    pub(crate) fn client_event(
        &mut self,
        slot: Slot,
        app: &LiveApp,
        event: &ClientEvent<'_>,
        now: Now,
        sink: &mut dyn Sink,
    ) {
        let (name, user_id) = match self.permit_client_event(slot, app, event, now) {
            Ok(permitted) => permitted,
            Err(error) => return self.refuse(slot, &error, "client event", sink),
        };
        let published = message::client_event(event, user_id.as_deref());
        let content = Content::FromClient(published, user_id);
        let Some(session) = self.session(slot) else {
            return;
        };
        let except = Some(session.socket_id);
        let note = Note::ClientEvent { event: &event.name, channel: &event.channel };
        sink.note(&Who { app, socket_id: session.socket_id }, note);
        let channel = ChannelKey { app: app.number(), name };
        let publication =
            Publication { channel: channel.clone(), content, except, cached_data: None, at: now };
        self.route_to_owner(&channel, Message::Publish(publication), sink);
    }

    fn permit_client_event(
        &mut self,
        slot: Slot,
        app: &LiveApp,
        event: &ClientEvent<'_>,
        now: Now,
    ) -> Result<(ChannelName, Option<Box<str>>), ClientError> {
        let options = &app.options;
        if options.client_events == ClientEvents::None {
            return Err(ClientError::ClientEventsDisabled);
        }
        if !event.name.starts_with("client-") {
            return Err(ClientError::ClientEventRejected(
                "The name of a client event begins with client-".into(),
            ));
        }
        if event.name.chars().count() > options.event_name_max {
            let max = options.event_name_max;
            let message = format!(
                "The name of the event has more than {max} characters (max_event_name_length)"
            );
            return Err(ClientError::ClientEventRejected(message.into()));
        }
        let session = self.session(slot).ok_or(ClientError::InvalidMessage)?;
        // Not one that only others are in: what is a name depends on who says it.
        let channel = self.local.find(app.number(), &event.channel);
        let channel = channel.filter(|id| session.subscription(*id).is_some());
        let name = match channel {
            Some(id) => self.local.channel(id).key.name.clone(),
            None => session
                .wire()
                .name_rule()
                .parse(&event.channel, options.channel_name_max)
                .map_err(|fault| ClientError::Refused(fault.to_string().into()))?,
        };
        let session = self.session_mut(slot).ok_or(ClientError::InvalidMessage)?;
        let membership =
            channel.and_then(|id| session.subscription(id)).filter(|s| s.place.is_in());
        let is_for_members = options.client_events == ClientEvents::Members;
        match name.access() {
            _ if is_for_members && membership.is_none() => return Err(ClientError::NotAMember),
            // Events to a user come from the application alone.
            Access::User => return Err(ClientError::PublicChannel),
            Access::Public if is_for_members => return Err(ClientError::PublicChannel),
            Access::Public | Access::Private | Access::Presence => {}
        }
        let user_id = membership.and_then(|s| s.member.clone());
        let rate = options.client_events_per_second;
        if rate.is_some_and(|rate| !session.client_events.take(rate, now)) {
            return Err(ClientError::ClientEventRate);
        }
        Ok((name, user_id))
    }
}
