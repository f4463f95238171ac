//! One connection to Redis, which is replaced when it breaks.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, Pipeline, RedisResult, Value,
    aio::MultiplexedConnection,
};

use crate::drivers::redis::options::InvalidRedisUrl;

/// How long it may take to connect.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// How long an answer may take; less than the policy's time for a try, so that it is said who does not answer.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// The connection, if there is one. All who send share it: commands of several are sent one behind the other.
pub(super) struct Connection {
    client: Client,
    login: Option<Cmd>,
    current: Mutex<Option<MultiplexedConnection>>,
}

impl Connection {
    pub(super) fn new(info: ConnectionInfo, login: Option<Cmd>) -> Result<Self, InvalidRedisUrl> {
        let client = Client::open(info).map_err(|_| InvalidRedisUrl)?;
        Ok(Self { client, login, current: Mutex::new(None) })
    }

    /// Runs commands, and gives their answers.
    pub(super) async fn run(&self, commands: &Pipeline) -> RedisResult<Vec<RedisResult<Value>>> {
        let kept = self.current().clone();
        if let Some(kept) = kept {
            match self.run_on(kept, commands).await {
                // It was closed while nobody used it, or its runtime has ended: that is no outage yet.
                Err(error) if error.is_connection_dropped() => {}
                result => return result,
            }
        }
        let fresh = self.connect().await?;
        *self.current() = Some(fresh.clone());
        self.run_on(fresh, commands).await
    }

    /// Lets the next one connect anew.
    pub(super) fn close(&self) {
        *self.current() = None;
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(ANSWER_MAX));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await?;
        if let Some(login) = &self.login {
            login.exec_async(&mut connection).await?;
        }
        Ok(connection)
    }

    async fn run_on(
        &self,
        mut connection: MultiplexedConnection,
        commands: &Pipeline,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        let mut in_use = InUse { connection: self, is_well: false };
        let answers = commands.query_async(&mut connection).await;
        in_use.is_well = answers.is_ok();
        answers
    }

    fn current(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// Closes the connection, unless all was well at the end. Who gives up waiting never learns why there was no answer.
struct InUse<'a> {
    connection: &'a Connection,
    is_well: bool,
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        if !self.is_well {
            self.connection.close();
        }
    }
}
