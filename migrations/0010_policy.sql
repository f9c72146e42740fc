-- What people said of tools for good, or in one conversation. `definition` is the SHA-256 of the tool's definition it was
-- said of; empty: of whichever.
CREATE TABLE tool_policies (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tool TEXT NOT NULL,
    policy TEXT NOT NULL CHECK (policy IN ('allow', 'ask', 'deny')),
    definition TEXT NOT NULL,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, tool)
);

CREATE TABLE conversation_tool_policies (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    tool TEXT NOT NULL,
    policy TEXT NOT NULL CHECK (policy IN ('allow', 'ask', 'deny')),
    definition TEXT NOT NULL,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation_id, tool)
);
CREATE INDEX conversation_tool_policies_of ON conversation_tool_policies (conversation_id);

-- Nobody knows any more which definition was allowed, so those ask again; what was refused stays refused.
INSERT INTO tool_policies (user_id, tool, policy, definition, decided_at)
SELECT user_id, tool, 'deny', '', decided_at FROM tool_grants WHERE NOT allowed;
DROP TABLE tool_grants;

-- What an administrator lets nobody go below: for a tool, or for a server's every tool ('*': any server that is not
-- vouched for).
CREATE TABLE tool_floors (
    kind TEXT NOT NULL CHECK (kind IN ('tool', 'server')),
    name TEXT NOT NULL,
    floor TEXT NOT NULL CHECK (floor IN ('ask', 'deny')),
    set_by TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);

CREATE TABLE switched_off_tools (
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    tool TEXT NOT NULL,
    switched_at BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, tool)
);

-- Each call of a tool, permitted or not. It outlives conversation, turn and credential, so it names them by their ids
-- and refers to none; of the arguments it has the SHA-256 only.
CREATE TABLE tool_calls (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    server TEXT,
    via TEXT NOT NULL,
    credential TEXT,
    conversation_id TEXT,
    turn_id TEXT,
    digest TEXT NOT NULL,
    rule TEXT NOT NULL,
    decided_by TEXT,
    outcome TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    duration_ms BIGINT
);
CREATE INDEX tool_calls_of_user ON tool_calls (user_id, id);
CREATE INDEX tool_calls_by_time ON tool_calls (began_at);

-- The open questions of a turn, as JSON: with its checkpoint all that is needed to go on after a restart.
ALTER TABLE turns ADD COLUMN waiting TEXT;
