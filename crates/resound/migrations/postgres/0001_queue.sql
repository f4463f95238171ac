-- Events that wait to be broadcast (resound::sql::Queue). Times are milliseconds since 1970, in UTC.
CREATE TABLE IF NOT EXISTS resound_jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    connection TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    available_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS resound_jobs_lane ON resound_jobs (queue, connection, id);

-- Which worker sends the events of a queue and connection, and until when it need not say so again.
CREATE TABLE IF NOT EXISTS resound_lanes (
    queue TEXT NOT NULL,
    connection TEXT NOT NULL,
    reserved_by TEXT NOT NULL,
    reserved_until BIGINT NOT NULL,
    PRIMARY KEY (queue, connection)
);

-- Events that were given up.
CREATE TABLE IF NOT EXISTS resound_failed_jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    connection TEXT NOT NULL,
    payload TEXT NOT NULL,
    exception TEXT NOT NULL,
    failed_at BIGINT NOT NULL
);
