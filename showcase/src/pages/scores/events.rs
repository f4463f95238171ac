use resound::Broadcast;
use serde::Serialize;

use super::store::{Game, League};

/// How a game stands, for everybody. It may arrive late or twice: its version only grows.
#[derive(Serialize, Broadcast)]
#[broadcast(public = "scores", with = &self.game)]
pub struct ScoreChanged {
    pub game: Game,
}

/// The league began to play by itself, or has stopped.
#[derive(Serialize, Broadcast)]
#[broadcast(public = "scores", with = &self.league)]
pub struct LeagueChanged {
    pub league: League,
}
