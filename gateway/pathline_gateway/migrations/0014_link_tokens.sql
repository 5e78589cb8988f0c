-- migrate:up

-- Tokens that an organisation gave a person, so that she can say herself who she is elsewhere. Shown once; only the
-- SHA-256 is here. `link`: what it was spent on.
create table link_token (
    digest      bytea primary key check (length(digest) = 32),
    org         text collate "C" not null,
    subject     text collate "C" not null,
    issued_at   timestamptz not null default now(),
    expires_at  timestamptz not null,
    link        uuid
);
create index link_token_by_end on link_token (expires_at);

-- Links that tokens were spent on, written down before they are published: after a crash the same tokens lead to the
-- same event, and never to another. `held_until`: somebody is publishing it. `account`: who may take it back.
create table token_link (
    id            uuid primary key,
    a_org         text collate "C" not null,
    a_subject     text collate "C" not null,
    b_org         text collate "C" not null,
    b_subject     text collate "C" not null,
    account       text collate "C",
    made_at       timestamptz not null default now(),
    held_until    timestamptz not null,
    published_at  timestamptz,
    retracted_at  timestamptz
);

-- Redemptions that failed, or are going on: by caller (a keyed hash), and all together (an empty one).
create table redemption_attempt (
    caller  bytea not null,
    since   timestamptz not null,
    n       integer not null,
    primary key (caller, since)
);

-- migrate:down
