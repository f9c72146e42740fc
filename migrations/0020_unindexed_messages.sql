-- Messages whose words are still to go into the index of the search. Written with each message and emptied four times a
-- second, so it is short, and an index of its own would cost more than it saves.
CREATE TABLE unindexed_messages (
    message_id TEXT NOT NULL
);
