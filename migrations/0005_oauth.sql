-- Programs that sign in by OAuth, what people allowed them, and what they hold: of every secret only its SHA-256.

-- A client's id is what it goes by: one that we gave it (RFC 7591), or the URL of its metadata document.
CREATE TABLE oauth_clients (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- A JSON array of URIs.
    redirect_uris TEXT NOT NULL,
    secret_hash TEXT,
    -- Until when our copy of its document is good; without it: registered here.
    fresh_until BIGINT,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
);
CREATE INDEX oauth_clients_unused ON oauth_clients (used_at);

-- One sign-in of a client by a person; ending it ends every token made from it. `scopes` is a space-separated list.
CREATE TABLE oauth_grants (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    scopes TEXT NOT NULL,
    -- What its tokens are for (RFC 8707): they open nothing else.
    resource TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX oauth_grants_of_user ON oauth_grants (user_id, client_id);
CREATE INDEX oauth_grants_of_client ON oauth_grants (client_id);
CREATE INDEX oauth_grants_lapsed ON oauth_grants (expires_at);

CREATE TABLE oauth_codes (
    code_hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES oauth_clients (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resource TEXT NOT NULL,
    challenge TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- The grant that was made of it; no reference, because it stays used when that ends.
    grant_id TEXT
);
CREATE INDEX oauth_codes_of_user ON oauth_codes (user_id, client_id);
CREATE INDEX oauth_codes_of_client ON oauth_codes (client_id);
CREATE INDEX oauth_codes_lapsed ON oauth_codes (expires_at);

CREATE TABLE oauth_access_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX oauth_access_tokens_of_grant ON oauth_access_tokens (grant_id, expires_at);

-- They end with their grant. A used one is kept for a while, so that using it again is noticed.
CREATE TABLE oauth_refresh_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    used_at BIGINT
);
CREATE INDEX oauth_refresh_tokens_of_grant ON oauth_refresh_tokens (grant_id, used_at);
