-- migrate:up

-- A topic that was deleted and made again is a log of its own, in the same cluster.
alter table log_epoch add column topic text collate "C";
create index log_epoch_of_topic on log_epoch (topic, id) where topic is not null;

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

-- migrate:down
