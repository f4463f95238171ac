-- Notifications (resound::notification::DatabaseStore), in the layout of Laravel's table: where that is, it stays as it is.
-- Times are UTC.
CREATE TABLE IF NOT EXISTS notifications (
    id UUID NOT NULL PRIMARY KEY,
    type VARCHAR(255) NOT NULL,
    notifiable_type VARCHAR(255) NOT NULL,
    notifiable_id VARCHAR(255) NOT NULL,
    data TEXT NOT NULL,
    read_at TIMESTAMP(6) WITHOUT TIME ZONE NULL,
    created_at TIMESTAMP(6) WITHOUT TIME ZONE NULL,
    updated_at TIMESTAMP(6) WITHOUT TIME ZONE NULL
);

CREATE INDEX IF NOT EXISTS notifications_notifiable_type_notifiable_id_index
    ON notifications (notifiable_type, notifiable_id);
