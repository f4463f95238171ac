CREATE TABLE IF NOT EXISTS poll_polls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    question TEXT NOT NULL CHECK (length(question) BETWEEN 1 AND 140)
);

CREATE TABLE IF NOT EXISTS poll_options (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    poll_id INTEGER NOT NULL REFERENCES poll_polls (id),
    label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 80),
    UNIQUE (poll_id, id)
);

-- The primary key is the rule: one vote per person and poll. The foreign key lets a vote go to the poll's own options only.
CREATE TABLE IF NOT EXISTS poll_votes (
    poll_id INTEGER NOT NULL,
    voter TEXT NOT NULL,
    option_id INTEGER NOT NULL,
    PRIMARY KEY (poll_id, voter),
    FOREIGN KEY (poll_id, option_id) REFERENCES poll_options (poll_id, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS poll_votes_by_option ON poll_votes (option_id);

INSERT OR IGNORE INTO poll_polls VALUES (1, 'Which feature do you build first?');
INSERT OR IGNORE INTO poll_options VALUES
    (1, 1, 'Chat'),
    (2, 1, 'Notifications'),
    (3, 1, 'A live dashboard'),
    (4, 1, 'Editing together');
