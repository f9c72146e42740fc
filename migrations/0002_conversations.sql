CREATE TABLE conversations (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    -- The conversation's clock: every durable change takes the next number.
    last_seq BIGINT NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
    head_id TEXT,
    -- The head before the last turn: one UPDATE moves the head and can still return what it was.
    previous_head_id TEXT,
    model TEXT,
    room_name TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX conversations_of_owner ON conversations (owner_id);
CREATE UNIQUE INDEX conversations_room ON conversations (owner_id, room_name)
    WHERE room_name IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX conversations_deleted ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE members (
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    pinned BOOLEAN NOT NULL DEFAULT FALSE,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX members_of_user ON members (user_id, conversation_id);

CREATE TABLE invitations (
    token_hash TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX invitations_of_conversation ON invitations (conversation_id, expires_at);
