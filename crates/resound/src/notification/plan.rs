//! All that is to be done for one notifiable, written down before anything is done.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    channel::Channel,
    json,
    notification::{
        channel::Delivery,
        created::BroadcastNotificationCreated,
        error::{Failure, Reason},
        fake::Sent,
        id,
        merged::with_id_and_type,
        notice::Notification,
        notifiable::{Notifiable, Owner},
        notifier::Notifier,
        row::Row,
        via::{Via, in_order},
    },
    pending::Timing,
};

/// What is to be done for one notifiable.
pub(crate) struct Plan {
    pub(crate) id: String,
    pub(crate) owner: Option<Owner>,
    pub(crate) row: Option<Row>,
    /// In the order in which they are taken.
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// The ways, in the order in which they are gone.
    fn ways(&self) -> Vec<Via> {
        let stored = self.row.iter().map(|_| Via::Database);
        let others = self.steps.iter().map(|step| match step {
            Step::Broadcast(_) => Via::Broadcast,
            Step::Deliver(delivery) => Via::Channel(delivery.channel.clone().into()),
        });
        stored.chain(others).collect()
    }
}

/// What is done after storing.
pub(crate) enum Step {
    Broadcast(Box<BroadcastNotificationCreated>),
    Deliver(Delivery),
}

/// A notification, one that is notified, and how.
pub(crate) struct Planner<'a, N, T> {
    pub(crate) notifier: &'a Notifier,
    pub(crate) notification: &'a T,
    pub(crate) notifiable: &'a N,
    pub(crate) via: Option<&'a [Via]>,
    pub(crate) timing: Timing,
    pub(crate) has_store: bool,
}

impl<N: Notifiable, T: Notification<N>> Planner<'_, N, T> {
    /// The ways that the notification takes.
    fn ways(&self) -> Vec<Via> {
        let Self { notification, notifiable, .. } = self;
        let named = self.via.map_or_else(|| notification.via(notifiable), <[Via]>::to_vec);
        let mut ways = in_order(named);
        // There is nobody whose row it could be. Laravel skips it as well.
        let is_owned = notifiable.owner().is_some();
        ways.retain(|way| is_owned || *way != Via::Database);
        ways.retain(|way| notification.should_send(notifiable, way));
        ways
    }

    /// Writes everything down.
    ///
    /// # Errors
    /// If one way can't be gone, whoever would go it: then none is to be gone.
    pub(crate) fn plan(&self) -> Result<Plan, Box<Failure>> {
        let (id, owner) = (id::random(), self.notifiable.owner());
        let mut plan = Plan { id, owner, row: None, steps: Vec::new() };
        for way in self.ways() {
            if let Err(reason) = self.add(&mut plan, &way) {
                let Plan { id, owner, .. } = plan;
                return Err(Box::new(Failure { id, owner, via: way, reason }));
            }
        }
        Ok(plan)
    }

    /// What a fake remembers. It writes everything down as well, to find the same errors.
    ///
    /// # Errors
    /// Those of [`plan`](Self::plan).
    pub(crate) fn record(&self) -> Result<Sent, Box<Failure>> {
        let plan = self.plan()?;
        let data = json::encode(&self.notification.to_array(self.notifiable));
        Ok(Sent {
            via: plan.ways(),
            id: plan.id,
            owner: plan.owner,
            on_demand: self.notifiable.on_demand().cloned(),
            data: data.unwrap_or_else(|error| format!("no JSON: {error}")),
        })
    }

    fn add(&self, plan: &mut Plan, way: &Via) -> Result<(), Reason> {
        let step = match way {
            Via::Database => {
                plan.row = self.row(plan)?;
                return Ok(());
            }
            Via::Broadcast => Step::Broadcast(Box::new(self.event(plan)?)),
            Via::Channel(name) => Step::Deliver(self.delivery(plan, name)?),
        };
        plan.steps.push(step);
        Ok(())
    }

    fn row(&self, plan: &Plan) -> Result<Option<Row>, Reason> {
        let Some(owner) = plan.owner.clone() else { return Ok(None) };
        if !self.has_store {
            return Err(Reason::NoStore);
        }
        let data = encode(&self.notification.to_database(self.notifiable))?;
        let kind = self.notification.database_type().on_the_wire(self.notifier.namespace());
        let row = Row::new(&plan.id, kind, owner, data);
        row.map(Some).map_err(|error| Reason::Store(Arc::new(error)))
    }

    fn event(&self, plan: &Plan) -> Result<BroadcastNotificationCreated, Reason> {
        let Self { notification, notifiable, .. } = self;
        let kind = notification.broadcast_type().on_the_wire(self.notifier.namespace());
        let payload = match notification.broadcast_with(notifiable, &plan.id) {
            Some(all) => encode(&all)?,
            None => {
                let data = encode(&notification.to_broadcast(notifiable))?;
                with_id_and_type(&data, &plan.id, &kind).map_err(unfit)?
            }
        };
        Ok(BroadcastNotificationCreated {
            id: plan.id.clone(),
            kind,
            owner: plan.owner.clone(),
            name: notification.broadcast_as(),
            channels: self.channels(plan),
            payload: RawValue::from_string(payload).map_err(unfit)?,
            timing: self.timing,
            queue: notification.broadcast_queue(),
            connections: notification.broadcast_connections(),
        })
    }

    /// The first that is not empty: what was said on demand, the notification's, the notifiable's.
    fn channels(&self, plan: &Plan) -> Vec<Channel> {
        let listens_on = || self.notifiable.receives_broadcast_notifications_on();
        let on_demand = if plan.owner.is_none() { listens_on() } else { Vec::new() };
        if !on_demand.is_empty() {
            return on_demand;
        }
        let own = self.notification.broadcast_on(self.notifiable);
        if own.is_empty() { listens_on() } else { own }
    }

    fn delivery(&self, plan: &Plan, channel: &str) -> Result<Delivery, Reason> {
        // A fake stands for a notifier that has every channel.
        if self.notifier.record().is_none() {
            self.notifier.channel(channel)?;
        }
        let message = encode(&self.notification.to_channel(channel, self.notifiable))?;
        Ok(Delivery {
            id: plan.id.clone(),
            kind: self.notification.name().on_the_wire(self.notifier.namespace()),
            channel: channel.to_owned(),
            owner: plan.owner.clone(),
            route: self.notifiable.route_for(channel),
            message: RawValue::from_string(message).map_err(unfit)?,
        })
    }
}

/// As PHP writes it: what says nothing is an empty list.
fn encode(value: &impl Serialize) -> Result<String, Reason> {
    let mut written = json::encode(value).map_err(unfit)?;
    if written == "null" {
        written.replace_range(.., "[]");
    }
    Ok(written)
}

fn unfit(error: serde_json::Error) -> Reason {
    Reason::Payload(Arc::new(error))
}
