CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    author_id TEXT REFERENCES users (id) ON DELETE SET NULL,
    -- A JSON array of typed parts.
    parts TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'complete', 'stopped', 'interrupted', 'failed')),
    turn_id TEXT,
    model TEXT,
    usage_input BIGINT,
    usage_output BIGINT,
    usage_cached BIGINT,
    -- A JSON object: why it failed.
    fault TEXT,
    client_id TEXT,
    created_at BIGINT NOT NULL,
    CHECK (seq >= position AND position > 0)
);
CREATE UNIQUE INDEX messages_by_position ON messages (conversation_id, position);
CREATE UNIQUE INDEX messages_by_seq ON messages (conversation_id, seq);
CREATE UNIQUE INDEX messages_by_client_id ON messages (conversation_id, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX messages_by_parent ON messages (parent_id);
CREATE INDEX messages_by_author ON messages (author_id) WHERE author_id IS NOT NULL;

-- A turn goes with its reply, and the reply with its conversation.
CREATE TABLE turns (
    id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL,
    reply_id TEXT NOT NULL UNIQUE REFERENCES messages (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    model TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done')),
    -- The reply's position: the order of the queue.
    position BIGINT NOT NULL,
    -- The parts so far, for after a crash.
    checkpoint TEXT,
    lease_until BIGINT NOT NULL,
    usage_input BIGINT NOT NULL DEFAULT 0,
    usage_output BIGINT NOT NULL DEFAULT 0,
    usage_cached BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE UNIQUE INDEX turns_running ON turns (conversation_id) WHERE state = 'running';
CREATE INDEX turns_live ON turns (conversation_id, position) WHERE state <> 'done';
CREATE INDEX turns_of_user ON turns (user_id, finished_at);

-- What turns of conversations since purged had cost, so that nobody's count goes down by deleting.
CREATE TABLE past_usage (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    finished_at BIGINT NOT NULL,
    usage_input BIGINT NOT NULL,
    usage_output BIGINT NOT NULL,
    usage_cached BIGINT NOT NULL
);
CREATE INDEX past_usage_of_user ON past_usage (user_id, finished_at);
