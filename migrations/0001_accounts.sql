-- One text for SQLite and PostgreSQL: only TEXT, BIGINT, BOOLEAN. Ids are UUIDv7 text, times milliseconds since the epoch.

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    admin BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- Holds one row from the first account on: whoever inserts it is the administrator, and two cannot.
CREATE TABLE founding (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1)
);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id, created_at);

CREATE TABLE tool_grants (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tool TEXT NOT NULL,
    allowed BOOLEAN NOT NULL,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, tool)
);
