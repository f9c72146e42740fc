-- What a model wrote of the beginning of a branch, for turns in whose window it no longer fits: of all messages from the
-- branch's first to `upto_id`. Messages are a tree, so that is the same for every branch that has this message on it, and
-- there is one for each such message at most.
CREATE TABLE summaries (
    upto_id TEXT NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    model TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX summaries_of_conversation ON summaries (conversation_id);
