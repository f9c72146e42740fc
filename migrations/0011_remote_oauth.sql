-- Parley as a client of the authorization servers that guard other MCP servers, for each person by themselves. `server` is
-- a connection's id, or operator:NAME for one of the operator's file. What is sealed (backend::secrets) names in itself
-- whose it is and what it is for, so that a row moved elsewhere opens nothing.

-- What an authorization server knows Parley as: the id, and a secret if it gave one.
CREATE TABLE remote_clients (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server TEXT NOT NULL,
    issuer TEXT NOT NULL,
    client TEXT NOT NULL,
    PRIMARY KEY (user_id, server, issuer)
);

-- The tokens of a person's sign-in, with the authorization server and the resource they are for.
CREATE TABLE remote_grants (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server TEXT NOT NULL,
    tokens TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, server)
);

-- Sign-ins under way: of `state` only the hash, and the browser session that began it. A person has one for each server.
CREATE TABLE remote_sign_ins (
    state_hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    server TEXT NOT NULL,
    pending TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX remote_sign_ins_of_user ON remote_sign_ins (user_id, server);
CREATE INDEX remote_sign_ins_lapsed ON remote_sign_ins (expires_at);
