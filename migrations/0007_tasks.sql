-- Long calls of MCP clients (SEP-2663). Only the SHA-256 of the arguments is kept. `questions` and `answers` are JSON
-- objects by key: what waits for a person, and what they said; `result` is what the call gave, or the error that ended it.
CREATE TABLE mcp_tasks (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tool TEXT NOT NULL,
    arguments_digest TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('working', 'input_required', 'completed', 'failed', 'cancelled')),
    status_message TEXT,
    questions TEXT NOT NULL DEFAULT '{}',
    answers TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    cancel_asked BOOLEAN NOT NULL DEFAULT FALSE,
    -- Which process works at it: the server, of which there is one, or a pipe's.
    runner TEXT NOT NULL CHECK (runner IN ('server', 'pipe')),
    lease_until BIGINT NOT NULL,
    poll_ms BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX mcp_tasks_of_user ON mcp_tasks (user_id, finished_at);
CREATE INDEX mcp_tasks_open ON mcp_tasks (runner) WHERE finished_at IS NULL;
CREATE INDEX mcp_tasks_expiry ON mcp_tasks (expires_at);

-- Keys that this server made for itself and must still have after a restart.
CREATE TABLE server_secrets (
    name TEXT NOT NULL PRIMARY KEY,
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
