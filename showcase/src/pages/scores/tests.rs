use axum::http::StatusCode;
use serde_json::Value;

use super::{
    events::{LeagueChanged, ScoreChanged},
    league,
    store::{Game, Move, Phase},
};
use crate::testing::{Answer, Showcase};

const ADA: i64 = 1;
const GRACE: i64 = 2;
const MARGARET: i64 = 6;

/// The seeded game of the first half, which has not moved yet.
const GAME: &str = "/scores/2";

async fn play(showcase: &Showcase, who: i64, what: &str, version: i64) -> Answer {
    showcase.user(who).post(GAME, &format!("move={what}&version={version}")).await
}

async fn game(showcase: &Showcase) -> Value {
    showcase.guest().get("/scores/games").await.json()["games"][1].clone()
}

#[tokio::test]
async fn a_goal_is_told_to_everybody_with_the_version_of_the_score() {
    let showcase = Showcase::new().await;
    let answer = play(&showcase, GRACE, "home", 0).await.json();
    assert_eq!((&answer["home_goals"], &answer["version"]), (&1.into(), &1.into()));
    assert_eq!(game(&showcase).await, answer);
    let sent = showcase.fake.assert_broadcast::<ScoreChanged>(|event| event.game.home_goals == 1);
    sent.on("scores").named("App\\Events\\ScoreChanged").to_everyone();
    let did: String = sqlx::query_scalar("SELECT name || ' ' || did FROM activity_entries")
        .fetch_one(&showcase.app.db)
        .await
        .unwrap();
    assert_eq!(did, "Grace Hopper noted a goal of Cache Rovers: Cache Rovers – Null Wanderers 1:0");
}

#[tokio::test]
async fn two_who_note_the_same_goal_note_it_once() {
    let showcase = Showcase::new().await;
    let (one, two) =
        tokio::join!(play(&showcase, GRACE, "home", 0), play(&showcase, MARGARET, "home", 0));
    let mut answers = [one, two];
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers[0].status, StatusCode::OK);
    assert_eq!(answers[1].status, StatusCode::CONFLICT);
    assert!(answers[1].problem().starts_with("Somebody was faster."), "{answers:?}");
    assert_eq!(game(&showcase).await["home_goals"], 1);
    showcase.fake.assert_count::<ScoreChanged>(1);
}

#[tokio::test]
async fn a_game_goes_from_phase_to_phase_and_has_goals_only_while_it_is_on() {
    let showcase = Showcase::new().await;
    play(&showcase, GRACE, "away", 0).await;
    let mut phases = Vec::new();
    for version in 1..=5 {
        let game = play(&showcase, GRACE, "next", version).await.json();
        let goals = game["away_goals"].as_i64().unwrap();
        phases.push((game["phase"]["name"].as_str().unwrap().to_owned(), goals));
        let is_on = game["phase"]["is_on"].as_bool().unwrap();
        let goal = play(&showcase, GRACE, "home", version + 1).await;
        if is_on {
            assert_eq!(goal.status, StatusCode::OK);
            break;
        }
        assert_eq!(
            (goal.status, &*goal.problem()),
            (StatusCode::CONFLICT, "There is no goal while nobody plays.")
        );
    }
    assert_eq!(phases, [("Half-time".to_owned(), 1), ("Second half".to_owned(), 1)]);
    for version in 4..=6 {
        play(&showcase, GRACE, "next", version).await;
    }
    let game = game(&showcase).await;
    assert_eq!((&game["phase"]["name"], &game["version"]), (&"First half".into(), &7.into()));
    assert_eq!((&game["home_goals"], &game["away_goals"]), (&0.into(), &0.into()));
}

#[tokio::test]
async fn only_the_staff_keeps_the_scores() {
    let showcase = Showcase::new().await;
    for (path, form) in [(GAME, "move=home&version=0"), ("/scores/league", "plays=true")] {
        let customer = showcase.user(ADA).post(path, form).await;
        assert_eq!(customer.status, StatusCode::FORBIDDEN);
        assert!(customer.problem().starts_with("Only the staff keeps the scores"), "{customer:?}");
        let guest = showcase.guest().post(path, form).await;
        assert_eq!(guest.status, StatusCode::UNAUTHORIZED);
        assert_eq!(guest.problem(), "Choose who you are first, at the top of the page.");
        assert_eq!(showcase.user(GRACE).forge(path, form).await.status, StatusCode::FORBIDDEN);
    }
    let grace = showcase.user(GRACE);
    for form in ["move=both&version=0", "move=home", "move=home&version=<b>", ""] {
        assert_eq!(grace.post(GAME, form).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let nowhere = grace.post("/scores/9", "move=home&version=0").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    showcase.fake.assert_nothing();
    for (who, buttons) in [(showcase.user(ADA), 0), (showcase.guest(), 0), (grace, 9)] {
        let page = who.get("/scores").await.text;
        assert_eq!(page.matches("name=\"move\"").count(), buttons);
    }
}

#[tokio::test]
async fn the_league_plays_only_when_it_was_started_and_in_one_process() {
    let showcase = Showcase::new().await;
    let goal = |_: &[Game]| (2, Move::HomeGoal);
    let play = async |process: &str, now: i64| {
        let moved = league::play(&showcase.app, process, now, goal).await.unwrap();
        moved.map(|game| game.home_goals)
    };
    assert_eq!(play("a", 100).await, None);
    let started = showcase.user(GRACE).post("/scores/league", "plays=true").await.json();
    assert_eq!(started, serde_json::json!({ "version": 1, "plays": true }));
    showcase.fake.assert_broadcast::<LeagueChanged>(|event| event.league.plays).on("scores");
    assert_eq!(play("a", 100).await, Some(1));
    assert_eq!(play("b", 101).await, None);
    assert_eq!(play("a", 102).await, Some(2));
    // The first one is not heard of any more, then comes back.
    assert_eq!(play("b", 111).await, None);
    assert_eq!(play("b", 112).await, Some(3));
    assert_eq!(play("a", 113).await, None);
    // The clock was put back.
    assert_eq!(play("a", 5).await, Some(4));
    showcase.user(GRACE).post("/scores/league", "plays=false").await;
    assert_eq!(play("a", 6).await, None);
    showcase.fake.assert_count::<ScoreChanged>(4);
}

#[tokio::test]
async fn a_league_without_luck_is_the_same_each_time() {
    let showcase = Showcase::new().await;
    let games = Game::all(&showcase.app.db).await.unwrap();
    assert_eq!(games[1].phase, Phase::FirstHalf);
    for (dice, expected) in [
        ([0, 0], (1, Move::HomeGoal)),
        ([1, 100], (2, Move::AwayGoal)),
        ([1, 180], (2, Move::Next)),
        // Before the game there are no goals.
        ([2, 0], (3, Move::Next)),
        ([255, 255], (1, Move::Next)),
    ] {
        assert_eq!(league::at_random(&games, dice), expected, "{dice:?}");
    }
}

#[tokio::test]
async fn each_way_shows_the_script_that_it_runs() {
    let showcase = Showcase::new().await;
    for (path, script, other) in [
        ("/scores", "/assets/layout/app.js", "socket.io.min.js"),
        ("/scores/socket-io", "/socket.io/socket.io.min.js", "app.js\""),
        ("/scores/plain", "/assets/pages/scores/plain.js", "app.js\""),
    ] {
        let page = showcase.user(GRACE).get(path).await.text;
        assert!(page.contains(script) && !page.contains(other), "{path}: {page}");
        assert!(page.contains("Byte City"));
    }
}
