CREATE TABLE IF NOT EXISTS document_documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 80),
    -- Grows by one with each change.
    version INTEGER NOT NULL DEFAULT 0,
    -- The text of this version, for everything that only reads.
    text TEXT NOT NULL,
    -- The state of Yjs at an earlier version; document_updates has what came after it. NULL: nobody has edited it yet.
    snapshot BLOB,
    snapshot_version INTEGER NOT NULL DEFAULT 0
);

-- What makes a version of the one before it.
CREATE TABLE IF NOT EXISTS document_updates (
    document_id INTEGER NOT NULL REFERENCES document_documents (id),
    version INTEGER NOT NULL,
    author TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (document_id, version)
) WITHOUT ROWID;

-- Yjs names what a browser writes by a number that the browser has chosen. Whoever used a number first keeps it, so that
-- nobody can write in the place of somebody else.
CREATE TABLE IF NOT EXISTS document_clients (
    document_id INTEGER NOT NULL REFERENCES document_documents (id),
    client INTEGER NOT NULL,
    author TEXT NOT NULL,
    PRIMARY KEY (document_id, client)
) WITHOUT ROWID;

-- The text as it was at the end of a minute in which somebody wrote.
CREATE TABLE IF NOT EXISTS document_history (
    document_id INTEGER NOT NULL REFERENCES document_documents (id),
    minute TEXT NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    -- Who wrote, one name on each line.
    names TEXT NOT NULL,
    PRIMARY KEY (document_id, minute)
) WITHOUT ROWID;

INSERT OR IGNORE INTO document_documents (id, title, text) VALUES (1, 'Release notes', 'Release notes

Write here, all at once: open this page in a second browser, be somebody else there, and watch the carets.

Added
- Editing together. Whatever happens to the connection, everybody ends with the same text.

Fixed
- ');
