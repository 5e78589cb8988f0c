-- migrate:up

-- Who wants which events. `from_seq`: of what was committed before, it gets nothing. `operator`: auth was off when it was
-- made, and it sees what an operator sees.
create table subscription (
    id           uuid primary key default gen_random_uuid(),
    org          text collate "C" not null,
    operator     boolean not null,
    protocol     text not null check (protocol in ('PULL', 'SSE')),
    purpose      text not null,
    authority    text,
    filters      jsonb not null,
    paused       boolean not null default false,
    created_at   timestamptz not null default now(),
    from_seq     bigint not null,
    last_number  bigint not null default 0
);
create index subscription_of_org on subscription (org, id);

-- What each was given, numbered once: a gap in the numbers always means loss.
create table subscription_event (
    subscription  uuid not null references subscription on delete cascade,
    number        bigint not null,
    source        integer not null,
    id            text collate "C" not null,
    given_at      timestamptz not null default now(),
    primary key (subscription, number)
);
create index subscription_event_by_event on subscription_event (subscription, source, id);

-- Up to where events were looked at for all of them.
create table dispatch_progress (
    only_row  boolean primary key default true check (only_row),
    seq       bigint not null default 0
);
insert into dispatch_progress default values;

-- Another word for what was read. Rows that are there have one of the others: nothing has to be looked at.
-- squawk-ignore ban-drop-constraint
alter table access drop constraint access_what_check;
alter table access
    add constraint access_what_check check (what in ('search', 'pathway', 'trace', 'stream')) not valid;
