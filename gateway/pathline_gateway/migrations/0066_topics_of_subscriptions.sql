-- migrate:up

-- A fifth way to receive. Rows that are there have one of the others: nothing has to be looked at.
-- squawk-ignore ban-drop-constraint
alter table subscription drop constraint subscription_protocol_check;
alter table subscription
    add constraint subscription_protocol_check check (protocol in ('PULL', 'SSE', 'HTTP', 'KAFKA')) not valid;

-- The topic of a subscription as its owner wants it. `applied_revision`: which of her changes the broker knows.
create table kafka_topic (
    subscription       uuid primary key references subscription on delete cascade,
    topic              text collate "C" not null unique,
    principal          text,
    partitions         integer not null check (partitions > 0),
    retention_hours    integer not null check (retention_hours > 0),
    max_message_bytes  integer not null default 1048588 check (max_message_bytes > 0),
    revision           bigint not null default 1,
    applied_revision   bigint not null default 0,
    not_before         timestamptz not null default 'epoch'
);

-- Topics whose subscription is gone. They are deleted twice: whoever was writing just then may have made one anew.
create table kafka_topic_removal (
    topic        text collate "C" primary key,
    not_before   timestamptz not null default 'epoch',
    was_deleted  boolean not null default false
);

create function remove_kafka_topic() returns trigger language plpgsql as $$
begin
    insert into kafka_topic_removal (topic) values (old.topic) on conflict do nothing;
    return null;
end $$;
create trigger remove_kafka_topic after delete on kafka_topic for each row execute function remove_kafka_topic();

-- How far each series is written, and who writes it. Where the broker has transactions, it knows the position better: this one
-- may be behind.
create table kafka_sink (
    subscription          uuid primary key references subscription on delete cascade,
    acked_through         bigint not null default 0,
    not_before            timestamptz not null default 'epoch',
    consecutive_failures  integer not null default 0,
    last_success_at       timestamptz,
    last_failure_at       timestamptz,
    last_failure          text,
    leased_by             uuid,
    lease_until           timestamptz not null default 'epoch'
);
create index kafka_sink_leased on kafka_sink (leased_by) where leased_by is not null;

-- migrate:down
