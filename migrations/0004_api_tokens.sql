-- Tokens that people make for their programs. Only the SHA-256 of a token is kept; `scopes` is a space-separated list.
CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    seen_at BIGINT
);
CREATE INDEX api_tokens_of_user ON api_tokens (user_id, created_at);
