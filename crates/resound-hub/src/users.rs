//! Signed-in users, and who wants to know of whom.

use std::collections::{HashMap, HashSet};

use resound_protocol::{
    client::SignIn, error::ClientError, member::User, message, signature::verify_user_auth,
};

use crate::{
    app::{AppNumber, LiveApp},
    hub::Hub,
    peer::{ConnectionKey, Message, SignInRequest, Slot},
    session::Session,
    shrink::{shrink_map, shrink_set},
    sink::{Note, Sink, Who},
};

/// Users that one user may watch (Pusher).
const WATCHLIST_MAX: usize = 100;

#[derive(Debug, Default)]
struct SignedIn {
    connections: u32,
    /// A set: who is watched by a crowd is not searched for each of them that leaves.
    watchers: HashSet<ConnectionKey>,
}

/// The users of the applications that this shard owns the users of.
#[derive(Debug, Default)]
pub(crate) struct Users {
    apps: HashMap<AppNumber, HashMap<Box<str>, SignedIn>>,
}

impl Users {
    pub(crate) fn len(&self) -> usize {
        self.apps.values().map(HashMap::len).sum()
    }

    fn entry(&mut self, app: AppNumber, user_id: &str) -> &mut SignedIn {
        self.apps.entry(app).or_default().entry(user_id.into()).or_default()
    }

    fn is_online(&self, app: AppNumber, user_id: &str) -> bool {
        self.apps
            .get(&app)
            .and_then(|users| users.get(user_id))
            .is_some_and(|user| user.connections > 0)
    }

    fn remove_if_unneeded(&mut self, app: AppNumber, user_id: &str) {
        let Some(users) = self.apps.get_mut(&app) else {
            return;
        };
        if users.get(user_id).is_some_and(|user| user.connections == 0 && user.watchers.is_empty())
        {
            users.remove(user_id);
            shrink_map(users);
            if users.is_empty() {
                self.apps.remove(&app);
            }
        }
    }
}

impl Hub {
    pub(crate) fn sign_in(
        &mut self,
        slot: Slot,
        app: &LiveApp,
        request: &SignIn<'_>,
        sink: &mut dyn Sink,
    ) {
        let Some(session) = self.session_mut(slot) else {
            return;
        };
        let mut user = match authenticate(session, app, request) {
            Ok(user) => user,
            Err(reason) => {
                self.refuse(slot, &ClientError::SignInRefused, &reason, sink);
                return self.end(slot, &ClientError::SignInRefused, sink);
            }
        };
        if let Some(known) = &session.user {
            if known.id == user.id {
                sink.send(slot, &message::signin_success(&request.user_data));
            } else {
                let reason = format!("already signed in as {:?}", known.id);
                self.refuse(slot, &ClientError::SignInRefused, &reason, sink);
            }
            return;
        }
        let is_long = user.watchlist.len() > WATCHLIST_MAX;
        user.watchlist.truncate(if app.options.watchlist { WATCHLIST_MAX } else { 0 });
        user.watchlist.sort_unstable();
        user.watchlist.dedup();
        sink.note(&Who { app, socket_id: session.socket_id }, Note::SignedIn(&user.id));
        sink.send(slot, &message::signin_success(&request.user_data));
        if is_long && app.options.watchlist {
            self.refuse(slot, &ClientError::WatchlistLimit(WATCHLIST_MAX), "pusher:signin", sink);
        }
        let request = self.sign_in_request(slot, app.number(), &user);
        if let Some(session) = self.session_mut(slot) {
            session.user = Some(Box::new(user));
        }
        if let Some(request) = request {
            self.route_to_users(app.number(), Message::SignIn(request), sink);
        }
    }

    fn sign_in_request(&self, slot: Slot, app: AppNumber, user: &User) -> Option<SignInRequest> {
        let connection = self.session(slot)?.key(self.shard, slot);
        let (user_id, watchlist) = (user.id.clone(), user.watchlist.clone());
        Some(SignInRequest { connection, app, user_id, watchlist })
    }

    /// Signs out a session that is being forgotten.
    pub(crate) fn sign_out(&mut self, slot: Slot, session: &mut Session, sink: &mut dyn Sink) {
        let Some(user) = session.user.take() else {
            return;
        };
        let connection = session.key(self.shard, slot);
        let request = SignInRequest {
            connection,
            app: session.app,
            user_id: user.id,
            watchlist: user.watchlist,
        };
        self.route_to_users(session.app, Message::SignOut(request), sink);
    }

    pub(crate) fn own_sign_in(&mut self, request: SignInRequest, sink: &mut dyn Sink) {
        let SignInRequest { connection, app, user_id, watchlist } = request;
        let user = self.users.entry(app, &user_id);
        user.connections += 1;
        if user.connections == 1 {
            self.tell_watchers(app, &user_id, sink);
        }
        for watched in &watchlist {
            self.users.entry(app, watched).watchers.insert(connection);
        }
        if watchlist.is_empty() {
            return;
        }
        let (online, offline): (Vec<&str>, Vec<&str>) =
            watchlist.iter().map(|id| &**id).partition(|id| self.users.is_online(app, id));
        self.tell(connection, message::watchlist_events(&online, &offline), sink);
    }

    pub(crate) fn own_sign_out(&mut self, request: &SignInRequest, sink: &mut dyn Sink) {
        let app = request.app;
        for watched in &request.watchlist {
            let watchers = &mut self.users.entry(app, watched).watchers;
            watchers.remove(&request.connection);
            shrink_set(watchers);
            self.users.remove_if_unneeded(app, watched);
        }
        let user = self.users.entry(app, &request.user_id);
        user.connections = user.connections.saturating_sub(1);
        if user.connections == 0 {
            self.tell_watchers(app, &request.user_id, sink);
        }
        self.users.remove_if_unneeded(app, &request.user_id);
    }

    fn tell_watchers(&mut self, app: AppNumber, user_id: &str, sink: &mut dyn Sink) {
        let user = self.users.entry(app, user_id);
        if user.watchers.is_empty() {
            return;
        }
        let id = [user_id];
        let frame = if user.connections > 0 {
            message::watchlist_events(&id, &[])
        } else {
            message::watchlist_events(&[], &id)
        };
        for watcher in user.watchers.clone() {
            self.tell(watcher, frame.clone(), sink);
        }
    }
}

fn authenticate(session: &Session, app: &LiveApp, request: &SignIn<'_>) -> Result<User, String> {
    let socket_id = session.socket_id.to_string();
    verify_user_auth(&request.auth, &app.key, app.signer(), &socket_id, &request.user_data)
        .map_err(|fault| fault.to_string())?;
    User::parse(&request.user_data).map_err(|fault| fault.to_string())
}
