-- MCP servers that people connected. `access` is a JSON object with the address and the headers, which may hold keys: it
-- is sealed (backend::secrets). `prefix` begins its tools' names and outlives a renaming, so that transcripts and
-- decisions about its tools stay right.
CREATE TABLE connections (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    access TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX connections_by_prefix ON connections (user_id, prefix);

-- What a person decided about the tools of a server; no row: offered. `server` is a connection's id, or operator:NAME for
-- one of the operator's file; an empty `tool` means all of the server.
CREATE TABLE tool_choices (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server TEXT NOT NULL,
    tool TEXT NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('off', 'pinned')),
    PRIMARY KEY (user_id, server, tool)
);

-- Tools that a search brought into a conversation, in the order they were found; `tool` is the name they are offered by.
CREATE TABLE found_tools (
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tool TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, user_id, tool)
);
