CREATE TABLE IF NOT EXISTS chat_rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    -- Everybody may come in, guests too.
    is_open INTEGER NOT NULL DEFAULT FALSE,
    -- Of a room of two: their ids, the smaller one first. There is one for each pair.
    pair TEXT UNIQUE
);

CREATE TABLE IF NOT EXISTS chat_members (
    room_id INTEGER NOT NULL REFERENCES chat_rooms (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (room_id, user_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS chat_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id INTEGER NOT NULL REFERENCES chat_rooms (id),
    author TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 1000),
    -- Names the form: sent twice, because an answer was lost, it is still one message.
    draft TEXT NOT NULL,
    sent_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (author, draft)
);
-- The newest 10,000 are kept, so that nobody fills the database.
CREATE TRIGGER IF NOT EXISTS chat_messages_bound AFTER INSERT ON chat_messages BEGIN
    DELETE FROM chat_messages WHERE id <= NEW.id - 10000;
END;
CREATE INDEX IF NOT EXISTS chat_messages_by_room ON chat_messages (room_id, id);

INSERT OR IGNORE INTO chat_rooms (id, name, is_open) VALUES (1, 'Lobby', TRUE), (2, 'Design team', FALSE);
INSERT OR IGNORE INTO chat_members VALUES (2, 1), (2, 2), (2, 3);
INSERT OR IGNORE INTO chat_messages (room_id, author, name, text, draft) VALUES
    (1, '2', 'Grace Hopper', 'Welcome! Open this page in a second browser, be somebody else there, and write.', 'seed-1'),
    (2, '1', 'Ada Lovelace', 'Only Ada, Grace and Alan can read this room.', 'seed-2');
