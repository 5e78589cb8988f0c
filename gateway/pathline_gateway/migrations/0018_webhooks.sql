-- migrate:up

-- A fourth way to receive. Rows that are there have one of the others: nothing has to be looked at.
-- squawk-ignore ban-drop-constraint
alter table subscription drop constraint subscription_protocol_check;
alter table subscription
    add constraint subscription_protocol_check check (protocol in ('PULL', 'SSE', 'HTTP')) not valid;

-- Where events of a subscription are posted, and how far that is. Every number up to `read_to` was posted, or stands in
-- `webhook_held` or `webhook_failed`. `changed` counts what was done to it from outside, for whoever is delivering.
create table webhook_sink (
    subscription     uuid primary key references subscription on delete cascade,
    url              text not null,
    allowed_rate     integer check (allowed_rate > 0),
    read_to          bigint not null default 0,
    seen             bigint not null default 0,
    due_at           timestamptz not null default 'epoch',
    not_before       timestamptz not null default 'epoch',
    failed_in_row    integer not null default 0,
    failing_since    timestamptz,
    last_success_at  timestamptz,
    last_failure_at  timestamptz,
    last_failure     text,
    stopped          text check (stopped in ('gone', 'unreachable')),
    changed          bigint not null default 0,
    held_by          uuid,
    held_until       timestamptz not null default 'epoch'
);
create index webhook_sink_held on webhook_sink (held_by) where held_by is not null;

-- What signs. The newest has no end; the one before it signs, too, until its own.
create table webhook_secret (
    subscription  uuid not null references webhook_sink on delete cascade,
    made_at       timestamptz not null default clock_timestamp(),
    secret        text not null,
    ends_at       timestamptz,
    primary key (subscription, made_at)
);

-- What is tried again, and what waits behind it (no attempt yet).
create table webhook_held (
    subscription     uuid not null references webhook_sink on delete cascade,
    number           bigint not null,
    attempts         integer not null default 0,
    first_failed_at  timestamptz,
    next_at          timestamptz not null,
    reason           text,
    primary key (subscription, number)
);

-- What was given up.
create table webhook_failed (
    subscription  uuid not null references webhook_sink on delete cascade,
    number        bigint not null,
    attempts      integer not null,
    reason        text not null,
    failed_at     timestamptz not null,
    primary key (subscription, number)
);

-- What each subscription was given, and the pathway that it is on now.
create view given_on_pathway as
select g.subscription, g.number, g.given_at, coalesce(m.pathway, r.birth) as pathway
from subscription_event g
left join event_identity k on k.source = g.source and k.id = g.id
left join handoff_notice n on k.id is null and n.id = g.id
left join subject_ref r on r.id = coalesce(k.ref, n.ref)
left join membership m on m.ref = r.id and m.until is null;

-- Up to where a subscription that is pulled or listened to was last asked.
create table subscription_asked (
    subscription  uuid primary key references subscription on delete cascade,
    number        bigint not null,
    asked_at      timestamptz not null
);

-- A replay is given to a subscription of its own, which nobody else sees: a further series of `of`. Entries of the change
-- log after `looked_to` up to `to_seq` are still to be looked at. Of the first series, what is numbered up to
-- `after_number` is left out.
create table replay (
    subscription  uuid primary key references subscription on delete cascade,
    of            uuid not null references subscription on delete cascade,
    series        integer not null check (series > 1),
    looked_to     bigint not null,
    to_seq        bigint not null,
    after_number  bigint not null,
    unique (of, series)
);
create index replay_unfinished on replay (subscription) where looked_to < to_seq;

-- Moves with every change of what is wanted, in the same transaction: whoever hands out reads all of them again then.
create table subscription_version (
    only_row  boolean primary key default true check (only_row),
    n         bigint not null default 0
);
insert into subscription_version default values;

create function subscription_changed() returns trigger language plpgsql as $$
begin
    update subscription_version set n = n + 1;
    return null;
end $$;
create trigger subscription_changed
    after insert or delete or update of org, operator, protocol, purpose, authority, filters, paused, from_seq
    on subscription for each statement execute function subscription_changed();
