-- migrate:up

-- What a background work could not compute: it goes on with all the others, and tries this one again at `retry_at`, or
-- once another version runs. `reason` is a class of errors, never a value. `position`: after which entry of the change
-- log something is owed, where that matters.
create table set_aside (
    id          bigint generated always as identity primary key,
    work        text collate "C" not null,
    kind        text not null check (kind in ('evidence', 'hand-off', 'pathway', 'subscription')),
    key         text collate "C" not null,
    reason      text not null,
    first_seen  timestamptz not null default now(),
    last_tried  timestamptz not null default now(),
    retry_at    timestamptz not null,
    attempts    integer not null default 1,
    version     text not null,
    position    bigint,
    unique (work, key)
);
create index set_aside_due on set_aside (work, retry_at);

-- Refs of which something is set aside that decides who may see them. As long as it is, whatever pathway they are on is
-- shown to each organisation as far as it is its own, and to nobody else.
create table set_aside_ref (
    item  bigint not null references set_aside on delete cascade,
    ref   bigint not null,
    primary key (item, ref)
);
create index set_aside_ref_of_ref on set_aside_ref (ref);

-- migrate:down
