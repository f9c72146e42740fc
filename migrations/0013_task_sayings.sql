-- What a long call says in a conversation, by which its reply is found again after a restart: the room, and the sender's
-- key of the message.
ALTER TABLE mcp_tasks ADD COLUMN said_in TEXT;
ALTER TABLE mcp_tasks ADD COLUMN said_key TEXT;
