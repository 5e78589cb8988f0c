-- migrate:up

-- Others' events that a topic showed, by the names that its reader was told: each is looked at again while the topic keeps it.
create table kafka_shown (
    subscription  uuid not null references subscription on delete cascade,
    number        bigint not null,
    pathway       text,
    source        text not null,
    id            text not null,
    digest        bytea not null,
    shown_at      timestamptz not null default now(),
    checked_at    timestamptz not null default now(),
    primary key (subscription, number)
);
create index kafka_shown_by_check on kafka_shown (checked_at);

-- migrate:down
