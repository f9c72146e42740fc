-- What the apps of people's servers told the model (MCP Apps: `ui/update-model-context`), each app's last word: it waits
-- for its person's next message in that conversation, goes with it as a part, and is then deleted here. An app is a call
-- in a reply, as one person sees it. `server` is a connection's id, or operator:NAME; `version` is a UUID of version 7,
-- another for each word; `material` is the part as JSON.
CREATE TABLE app_contexts (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    call_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    server TEXT NOT NULL,
    version TEXT NOT NULL,
    material TEXT NOT NULL,
    PRIMARY KEY (user_id, message_id, call_id)
);
CREATE INDEX app_contexts_waiting ON app_contexts (user_id, conversation_id, version);
CREATE INDEX app_contexts_of_message ON app_contexts (message_id);
CREATE INDEX app_contexts_of_conversation ON app_contexts (conversation_id);
