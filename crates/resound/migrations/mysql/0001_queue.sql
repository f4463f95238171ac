-- Events that wait to be broadcast (resound::sql::Queue). Times are milliseconds since 1970, in UTC.
CREATE TABLE IF NOT EXISTS resound_jobs (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    uuid VARCHAR(36) NOT NULL UNIQUE,
    queue VARCHAR(100) NOT NULL,
    connection VARCHAR(100) NOT NULL,
    payload LONGTEXT NOT NULL,
    attempts BIGINT NOT NULL,
    available_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    INDEX resound_jobs_lane (queue, connection, id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Which worker sends the events of a queue and connection, and until when it need not say so again.
CREATE TABLE IF NOT EXISTS resound_lanes (
    queue VARCHAR(100) NOT NULL,
    connection VARCHAR(100) NOT NULL,
    reserved_by VARCHAR(36) NOT NULL,
    reserved_until BIGINT NOT NULL,
    PRIMARY KEY (queue, connection)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Events that were given up.
CREATE TABLE IF NOT EXISTS resound_failed_jobs (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    uuid VARCHAR(36) NOT NULL UNIQUE,
    queue VARCHAR(100) NOT NULL,
    connection VARCHAR(100) NOT NULL,
    payload LONGTEXT NOT NULL,
    exception LONGTEXT NOT NULL,
    failed_at BIGINT NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
