-- migrate:up

-- Each hand-off as its events and the contacts on its pathway say that it stands: derived, and brought up to date from
-- the change log. Who is silent is told from the clock when it is asked. `known_…`: when it became known here by when an
-- answer was due. `heard`: the receiver's first step of any kind after the offer.
create table handoff (
    handoff          text collate "C" primary key,
    sender           text collate "C" not null,
    receiver         text collate "C",
    state            text,
    offered          timestamptz,
    accepted         timestamptz,
    first_contact    timestamptz,
    first_service    timestamptz,
    heard            timestamptz,
    ended            timestamptz,
    ended_by         text,
    outcome          text,
    due_accept       timestamptz,
    due_contact      timestamptz,
    answered_accept  timestamptz,
    answered_contact timestamptz,
    known_accept     timestamptz,
    known_contact    timestamptz,
    redirects        integer not null,
    anomalies        integer not null,
    ref              bigint,
    trace_id         bytea,
    span_id          bytea,
    end_trace_id     bytea,
    end_span_id      bytea
);
create index handoff_of_ref on handoff (ref) where ref is not null;
create index handoff_of_sender on handoff (sender, offered);
create index handoff_of_receiver on handoff (receiver, offered);
create index handoff_waited_accept on handoff (due_accept)
    where answered_accept is null and known_accept <= due_accept;
create index handoff_waited_contact on handoff (due_contact)
    where answered_contact is null and known_contact <= due_contact;

-- Up to where the change log was looked at for hand-offs.
create table handoff_progress (
    only_row  boolean primary key default true check (only_row),
    seq       bigint not null default 0
);
insert into handoff_progress default values;

-- What was said of silence: once for each stage and instant by which an answer was due, and once when that was over.
-- `open`: a silence that is not over.
create table handoff_notice (
    id        text collate "C" primary key,
    kind      text not null check (kind in ('silent', 'answered')),
    handoff   text collate "C" not null,
    stage     text not null check (stage in ('accept', 'contact')),
    due       timestamptz not null,
    sender    text collate "C" not null,
    receiver  text collate "C" not null,
    ref       bigint not null,
    answered  timestamptz,
    raised_at timestamptz not null,
    open      boolean not null,
    unique (handoff, stage, due, kind)
);
create index handoff_notice_open on handoff_notice (raised_at) where open;

-- Closed hand-offs whose span was sent, by when they had ended then.
create table handoff_span (
    handoff  text collate "C" primary key,
    ended    timestamptz not null
);

-- migrate:down
