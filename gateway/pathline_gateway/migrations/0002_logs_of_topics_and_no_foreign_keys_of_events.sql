-- squawk-ignore-file ban-drop-constraint
-- migrate:up

-- A topic that was deleted and made again is a log of its own, in the same cluster.
alter table log_epoch add column topic text collate "C";

-- What was never read because the broker had expired it: said once, and kept.
create table expired_records (
    "group"      text not null,
    log_epoch    bigint not null references log_epoch,
    topic        text collate "C" not null,
    partition    integer not null,
    from_offset  bigint not null,
    to_offset    bigint not null check (to_offset > from_offset),
    noticed_at   timestamptz not null default now(),
    primary key ("group", log_epoch, topic, partition, from_offset)
);

-- Two thirds of the time of an insert were foreign keys that intake keeps by construction: it takes the numbers of refs,
-- sources and types from their tables on the same connection, and deletes only refs that the same transaction made.
-- `verify` looks after it.
alter table interaction
    drop constraint interaction_ref_fkey,
    drop constraint interaction_source_fkey,
    drop constraint interaction_type_fkey;
alter table event_identity drop constraint event_identity_source_fkey;

-- migrate:down
