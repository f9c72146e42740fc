-- What tools answered besides text, and results too large for a message: kept with their conversation, once for the same
-- bytes. SQLite keeps a blob as it is in a column of any type's name; the bytes come last, so that a row can be read up
-- to them.
CREATE TABLE attachments (
    id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    -- What a download of it is called.
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    bytes BYTEA NOT NULL
);
CREATE UNIQUE INDEX attachments_by_digest ON attachments (conversation_id, digest);
