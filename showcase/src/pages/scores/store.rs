use serde::{Deserialize, Serialize};
use sqlx::{FromRow, SqliteConnection, SqlitePool};

/// A game, in the database and on the channel.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize)]
pub struct Game {
    pub id: i64,
    /// Grows with each move: of two scores it tells which is newer.
    pub version: i64,
    pub home: String,
    pub away: String,
    pub home_goals: i64,
    pub away_goals: i64,
    pub phase: Phase,
}

impl Game {
    pub async fn all(db: &SqlitePool) -> sqlx::Result<Vec<Self>> {
        sqlx::query_as("SELECT * FROM scores_games ORDER BY id").fetch_all(db).await
    }

    pub async fn find(db: &mut SqliteConnection, id: i64) -> sqlx::Result<Option<Self>> {
        sqlx::query_as("SELECT * FROM scores_games WHERE id = ?").bind(id).fetch_optional(db).await
    }
}

/// How far a game is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, Serialize)]
#[repr(i64)]
#[serde(into = "ShownPhase")]
pub enum Phase {
    Before = 0,
    FirstHalf = 1,
    HalfTime = 2,
    SecondHalf = 3,
    Over = 4,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "Before the game",
            Self::FirstHalf => "First half",
            Self::HalfTime => "Half-time",
            Self::SecondHalf => "Second half",
            Self::Over => "Full time",
        }
    }

    /// Whether there may be goals.
    pub fn is_on(self) -> bool {
        matches!(self, Self::FirstHalf | Self::SecondHalf)
    }

    /// What comes next; after the game there is another one.
    pub fn next(self) -> Self {
        match self {
            Self::Before => Self::FirstHalf,
            Self::FirstHalf => Self::HalfTime,
            Self::HalfTime => Self::SecondHalf,
            Self::SecondHalf => Self::Over,
            Self::Over => Self::Before,
        }
    }
}

/// What pages learn of a phase.
#[derive(Serialize)]
struct ShownPhase {
    name: &'static str,
    is_on: bool,
    next: &'static str,
}

impl From<Phase> for ShownPhase {
    fn from(phase: Phase) -> Self {
        Self { name: phase.name(), is_on: phase.is_on(), next: phase.next().name() }
    }
}

/// What may happen in a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Move {
    #[serde(rename = "home")]
    HomeGoal,
    #[serde(rename = "away")]
    AwayGoal,
    #[serde(rename = "next")]
    Next,
}

impl Move {
    /// Makes this move in the game as it was seen. None if it has moved since, or if there are no goals in this phase: that
    /// two moves at once are not both made is the database's doing.
    pub async fn make(
        self,
        db: &mut SqliteConnection,
        game: i64,
        version: i64,
    ) -> sqlx::Result<Option<Game>> {
        let sql = match self {
            Self::HomeGoal => {
                "UPDATE scores_games SET version = version + 1, home_goals = home_goals + 1
                WHERE id = ? AND version = ? AND phase IN (1, 3) RETURNING *"
            }
            Self::AwayGoal => {
                "UPDATE scores_games SET version = version + 1, away_goals = away_goals + 1
                WHERE id = ? AND version = ? AND phase IN (1, 3) RETURNING *"
            }
            Self::Next => {
                "UPDATE scores_games SET version = version + 1, phase = (phase + 1) % 5,
                    home_goals = iif(phase = 4, 0, home_goals), away_goals = iif(phase = 4, 0, away_goals)
                WHERE id = ? AND version = ? RETURNING *"
            }
        };
        sqlx::query_as(sql).bind(game).bind(version).fetch_optional(db).await
    }
}

/// Whether the games go on by themselves.
#[derive(Clone, Debug, PartialEq, FromRow, Serialize)]
pub struct League {
    pub version: i64,
    pub plays: bool,
}

impl League {
    pub async fn find(db: &SqlitePool) -> sqlx::Result<Self> {
        sqlx::query_as("SELECT version, plays FROM scores_league").fetch_one(db).await
    }

    pub async fn set(db: &mut SqliteConnection, plays: bool) -> sqlx::Result<Self> {
        let sql =
            "UPDATE scores_league SET version = version + 1, plays = ? RETURNING version, plays";
        sqlx::query_as(sql).bind(plays).fetch_one(db).await
    }

    /// Whether this process is the one that plays, for so many seconds from now. Of several processes with one database one
    /// is; another one takes over if that is not heard of for so long.
    pub async fn lease(
        db: &mut SqliteConnection,
        process: &str,
        now: i64,
        seconds: i64,
    ) -> sqlx::Result<bool> {
        // A lease that is far too long was taken before the clock was put back.
        let sql = "UPDATE scores_league SET player = ?1, until = ?2 + ?3
            WHERE plays AND (player = ?1 OR until <= ?2 OR until > ?2 + 2 * ?3)";
        let leased = sqlx::query(sql).bind(process).bind(now).bind(seconds).execute(db).await?;
        Ok(leased.rows_affected() > 0)
    }
}
