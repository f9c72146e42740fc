-- What people fill in for servers of the operator's file that ask for it (`inputs`). `server` is operator:NAME, `input`
-- the input's id; `value` is sealed (backend::secrets) for that person, server and input, so that a row moved elsewhere
-- opens nothing. What a server no longer asks for stays until its person forgets it: it may come back.
CREATE TABLE connection_inputs (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server TEXT NOT NULL,
    input TEXT NOT NULL,
    value TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, server, input)
);
