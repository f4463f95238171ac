//! The ways of requests to sessions that they belong to, on whatever shard.

use resound_hub::peer::ShardId;
use resound_protocol::engineio::RequestFault;
use tokio::sync::oneshot;

use super::connection::Client;
use crate::shard::{
    Shard, ShardHandle,
    mailbox::ShardMessage,
    polling::{PollAnswer, PollName, PollReply},
};

/// Moves that a request follows; a session moves when its client returns to another one.
const MOVES_MAX: usize = 4;

/// Waits for messages. `None` if the server ends meanwhile, or the client goes away.
pub(super) async fn wait(
    shard: &ShardHandle,
    client: &Client,
    name: &PollName,
) -> Option<PollAnswer> {
    let mut at = where_is(shard, name);
    for _ in 0..MOVES_MAX {
        let (reply, answer) = oneshot::channel();
        ask(shard, at, name, reply);
        let gone = Gone { shard, at, name, is_over: false };
        let answer = tokio::select! {
            biased; // an answer that is there is sent, also to who has closed its side after the request
            answer = answer => gone.not(answer.ok()),
            () = client.closed() => return None,
        };
        match answer {
            Some(PollAnswer::Moved(to)) => at = to,
            answer => return answer,
        }
    }
    Some(PollAnswer::Refused(RequestFault::UnknownSession))
}

/// Tells the session when its client goes away, in whatever way.
struct Gone<'a> {
    shard: &'a ShardHandle,
    at: ShardId,
    name: &'a PollName,
    is_over: bool,
}

impl Gone<'_> {
    fn not<T>(mut self, answer: T) -> T {
        self.is_over = true;
        answer
    }
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (at, name) = (self.at, self.name.clone());
        // After what else the request holds has been dropped, its way back among it.
        self.shard
            .shards
            .post(at, ShardMessage::Act(Box::new(move |shard| shard.poll_abandoned(&name))));
    }
}

fn ask(shard: &ShardHandle, at: ShardId, name: &PollName, reply: PollReply) {
    if at == shard.id {
        return shard.with(|shard| shard.poll(name, reply));
    }
    let name = name.clone();
    shard.shards.post(at, ShardMessage::Act(Box::new(move |shard| shard.poll(&name, reply))));
}

fn where_is(shard: &ShardHandle, name: &PollName) -> ShardId {
    if shard.look(|shard| shard.has_polling(name)) {
        return shard.id;
    }
    name.home(shard.shards.count())
}

/// Does something with a session, where it is. `None` if the server ends meanwhile.
pub(super) async fn post(
    shard: &ShardHandle,
    name: &PollName,
    act: impl FnMut(&mut Shard, &PollName) -> Result<(), PollAnswer> + Clone + Send + 'static,
) -> Option<Result<(), PollAnswer>> {
    shard.shards.until_they_keep_up().await;
    let mut at = where_is(shard, name);
    for _ in 0..MOVES_MAX {
        let mut act = act.clone();
        let name = name.clone();
        match at_home(shard, at, move |shard| act(shard, &name)).await? {
            Err(PollAnswer::Moved(to)) => at = to,
            result => return Some(result),
        }
    }
    Some(Err(PollAnswer::Refused(RequestFault::UnknownSession)))
}

/// Does something on a shard. `None` if the server ends meanwhile.
pub(super) async fn at_home<T: Send + 'static>(
    shard: &ShardHandle,
    home: ShardId,
    act: impl FnOnce(&mut Shard) -> T + Send + 'static,
) -> Option<T> {
    if home == shard.id {
        return Some(shard.with(act));
    }
    let (reply, result) = oneshot::channel();
    let act = move |shard: &mut Shard| {
        let _ = reply.send(act(shard)); // its client may have gone away
    };
    shard.shards.post(home, ShardMessage::Act(Box::new(act)));
    result.await.ok()
}
