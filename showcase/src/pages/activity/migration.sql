CREATE TABLE IF NOT EXISTS activity_entries (
    -- Ids grow in the order of the commits: SQLite has one writer.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    author TEXT NOT NULL,
    name TEXT NOT NULL,
    did TEXT NOT NULL,
    link TEXT NOT NULL,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
