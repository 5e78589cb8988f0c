-- migrate:up

-- Tokens that are believed no longer though they have not expired: somebody signed out. `key` is a digest of the token, or
-- of the session at the issuer that it belongs to; of a session, tokens of before `ended_at` are meant. Kept until the last
-- token that is meant has expired.
create table ended_session (
    key       bytea primary key,
    ended_at  timestamptz not null,
    until     timestamptz not null
);

-- migrate:down
