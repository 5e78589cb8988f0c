-- migrate:up

-- Organisations take turns at a sink that allows so many requests a minute: see streams/webhooks/rate_turns.py.
alter table pace add column turn bigint not null default 0;

create table sink_turn (
    what         bytea not null references pace on delete cascade,
    org          text not null,
    turn         bigint not null,
    waits_until  timestamptz not null,
    primary key (what, org)
);

-- migrate:down
