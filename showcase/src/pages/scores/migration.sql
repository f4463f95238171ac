CREATE TABLE IF NOT EXISTS scores_games (
    id INTEGER PRIMARY KEY,
    -- Grows with each move: late and double events are known by it, and so are forms that come too late.
    version INTEGER NOT NULL DEFAULT 0,
    home TEXT NOT NULL,
    away TEXT NOT NULL,
    home_goals INTEGER NOT NULL DEFAULT 0,
    away_goals INTEGER NOT NULL DEFAULT 0,
    -- Before the game, first half, half-time, second half, full time.
    phase INTEGER NOT NULL DEFAULT 0 CHECK (phase BETWEEN 0 AND 4)
);

-- One row: whether the games go on by themselves, and which process plays them until when (seconds since 1970).
CREATE TABLE IF NOT EXISTS scores_league (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL DEFAULT 0,
    plays INTEGER NOT NULL DEFAULT FALSE,
    player TEXT NOT NULL DEFAULT '',
    until INTEGER NOT NULL DEFAULT 0
);

INSERT OR IGNORE INTO scores_league (id) VALUES (1);
INSERT OR IGNORE INTO scores_games (id, home, away, home_goals, away_goals, phase) VALUES
    (1, 'Byte City', 'Packet United', 2, 1, 3),
    (2, 'Cache Rovers', 'Null Wanderers', 0, 0, 1),
    (3, 'Socket Harbour', 'Ping Athletic', 0, 0, 0);
