-- Each index whose entry lands somewhere else than the last one's costs a page of the log for each row.
-- Accounts are never deleted, so nothing looks for messages by their author.
DROP INDEX messages_by_author;
-- Only turns that ended are counted: a turn enters this once, not when it begins and again when it ends.
DROP INDEX turns_of_user;
CREATE INDEX turns_of_user ON turns (user_id, finished_at) WHERE finished_at IS NOT NULL;
-- Keys of messages come in the order of time, so they stand at the end when they come first.
DROP INDEX messages_by_client_id;
CREATE UNIQUE INDEX messages_by_client_id ON messages (client_id, conversation_id) WHERE client_id IS NOT NULL;
