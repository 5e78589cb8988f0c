-- migrate:up

-- Where each log was last seen to be the one that Postgres stands in, every half minute: an offset, and the digest of the
-- record before it. A log that is made again, and grows past our position before it is fetched from, is consumed on
-- without a word, and the digest beside the position is then of the new log: here it is still of the old one.
create table log_anchor (
    "group"      text not null,
    log_epoch    bigint not null references log_epoch,
    topic        text collate "C" not null,
    partition    integer not null,
    next_offset  bigint not null check (next_offset > 0),
    last_digest  bytea not null,
    primary key ("group", log_epoch, topic, partition)
);

-- migrate:down
