-- The table is the library's: resound::sql::migrate has made it. Each user keeps the newest 500, so that nobody fills the
-- database by waving.
CREATE TRIGGER IF NOT EXISTS notifications_bound AFTER INSERT ON notifications BEGIN
    DELETE FROM notifications WHERE id IN (
        SELECT id FROM notifications
        WHERE notifiable_type = NEW.notifiable_type AND notifiable_id = NEW.notifiable_id
        ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET 500
    );
END;
