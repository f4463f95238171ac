-- The prices of all symbols at one time, as JSON: {"ACME":12345}, in cents. Only the last ones are kept.
CREATE TABLE IF NOT EXISTS ticker_ticks (
    tick INTEGER PRIMARY KEY,
    prices TEXT NOT NULL,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

-- Which of several processes ticks, and until when, in milliseconds since 1970.
CREATE TABLE IF NOT EXISTS ticker_lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    holder TEXT NOT NULL,
    until INTEGER NOT NULL
);
INSERT OR IGNORE INTO ticker_lease VALUES (1, '', 0);
