-- The apps of people's servers (MCP Apps: `ui://` resources) as each person last read them, so that a conversation shows
-- them again while a server is away. `server` is a connection's id, or operator:NAME. `digest` is the SHA-256 of the page
-- and of what it declares; `declared` is the resource's `_meta.ui` as JSON.
CREATE TABLE apps (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server TEXT NOT NULL,
    uri TEXT NOT NULL,
    digest TEXT NOT NULL,
    html TEXT NOT NULL,
    declared TEXT NOT NULL,
    read_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, server, uri)
);
CREATE INDEX apps_by_age ON apps (user_id, read_at);
