-- migrate:up

-- Each hand-off as its events and the contacts on its pathway say that it stands: derived, and brought up to date from
-- the change log. Who is silent is told from the clock when it is asked. `known_…`: when it became known here by when an
-- answer was due. `concealed`: one of its events says so of itself. `heard`: the receiver's first step of any kind after the offer.
create table handoff (
    handoff          text collate "C" primary key,
    sender           text collate "C" not null,
    receiver         text collate "C",
    service          text,
    concealed        boolean not null,
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

-- Those that others than their own sides may know of: nothing of them is concealed.
create view open_handoff as
select h.*, r.org is not null as observable
from handoff h
left join organisation r on r.org = h.receiver
left join organisation s on s.org = h.sender
where not h.concealed and not coalesce(r.conceals, false) and not coalesce(s.conceals, false)
    and not exists (select from concealed_service c where c.org = h.receiver and c.service = h.service)
    and not exists (select from subject_ref f join concealed_ref c on c.org = f.org and c.subject = f.subject
        where f.id = h.ref);

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

-- Closed hand-offs that were told to tracing and metrics, by when they had ended then.
create table handoff_told (
    handoff  text collate "C" primary key,
    ended    timestamptz not null
);

-- Those that may have to be told.
create table handoff_untold (
    handoff  text collate "C" primary key
);

-- What was answered on a day about a measure: who may not see small cells reads the same all day, so that no two answers
-- differ by one person.
create table measure_snapshot (
    day     date not null,
    asked   text collate "C" not null,
    answer  jsonb not null,
    primary key (day, asked)
);

-- migrate:down
