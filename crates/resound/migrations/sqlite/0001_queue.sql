-- Events that wait to be broadcast (resound::sql::Queue). Times are milliseconds since 1970, in UTC.
CREATE TABLE IF NOT EXISTS resound_jobs (
    -- AUTOINCREMENT: an id is never given twice, and the ids of one transaction after another ascend.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    connection TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    available_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE INDEX IF NOT EXISTS resound_jobs_lane ON resound_jobs (queue, connection, id);

-- Which worker sends the events of a queue and connection, and until when it need not say so again.
CREATE TABLE IF NOT EXISTS resound_lanes (
    queue TEXT NOT NULL,
    connection TEXT NOT NULL,
    reserved_by TEXT NOT NULL,
    reserved_until INTEGER NOT NULL,
    PRIMARY KEY (queue, connection)
);

-- Events that were given up.
CREATE TABLE IF NOT EXISTS resound_failed_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    connection TEXT NOT NULL,
    payload TEXT NOT NULL,
    exception TEXT NOT NULL,
    failed_at INTEGER NOT NULL
);
