-- migrate:up

-- Who may publish. `registered_by` tells an organisation that an operator entered from one met at its first event.
create table organisation (
    org            text collate "C" primary key check (org ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(org) <= 64),
    name           text,
    sector         text check (sector in ('government', 'third-sector', 'community-controlled', 'business', 'citizen')),
    abn            text check (abn ~ '^[0-9]{11}$'),
    directory      jsonb not null default '{}',
    registered_by  text not null check (registered_by in ('operator', 'first-event')),
    registered_at  timestamptz not null default now()
);

create table source (
    id      integer generated always as identity primary key,
    source  text collate "C" not null unique,
    org     text collate "C" not null references organisation
);

create table event_type (
    id    smallint generated always as identity primary key,
    type  text collate "C" not null unique
);

-- A person as one organisation knows her. `birth` is random and for ever: the id of a pathway is the birth of its
-- oldest ref. `stepped`: at least one step stands under it.
create table subject_ref (
    id           bigint generated always as identity primary key,
    org          text collate "C" not null references organisation,
    subject      text collate "C" not null,
    birth        uuid not null unique default gen_random_uuid(),
    received_at  timestamptz not null default now(),
    stepped      boolean not null,
    unique (org, subject)
);

-- The identity of every accepted event. Rows older than the dedup horizon (25 months by default) may be dropped.
-- `digest` is over the content, so that the same identity with other content is seen.
create table event_identity (
    source       integer not null references source,
    id           text collate "C" not null,
    digest       bytea not null check (length(digest) = 16),
    received_at  timestamptz not null default now(),
    ref          bigint,
    time         timestamptz not null,
    primary key (source, id)
);

-- What happened, by month of receipt. The columns up to `key_id` are the written list of clear columns; nothing else
-- is ever queried. `payload`: envelope attributes as JSON, a line feed, the data as sent; sealed when `key_id` is set.
create table interaction (
    received_at    timestamptz not null default now(),
    batch          bigint not null,
    ref            bigint not null references subject_ref,
    time           timestamptz not null,
    recordedtime   timestamptz,
    source         integer not null references source,
    type           smallint not null references event_type,
    id             text collate "C" not null,
    sequence       text collate "C",
    service        text,
    activity       text,
    channel        text,
    initiator      text,
    actor          text,
    phase          text,
    participation  text,
    horizon        text,
    handoff        text,
    trace_id       bytea check (length(trace_id) = 16),
    span_id        bytea check (length(span_id) = 8),
    key_id         bigint,
    payload        bytea not null
) partition by range (received_at);

create index interaction_of_ref on interaction (ref, time);
create index interaction_of_batch on interaction using brin (batch) with (pages_per_range = 32, autosummarize = on);
create index interaction_of_handoff on interaction (handoff) where handoff is not null;

-- What is stored and is never a step: identity.*, consent.*, interaction.*, offer.*, change.*.
create table evidence (
    source        integer not null references source,
    id            text collate "C" not null,
    received_at   timestamptz not null default now(),
    batch         bigint not null,
    type          smallint not null references event_type,
    subject       text collate "C" not null,
    time          timestamptz not null,
    recordedtime  timestamptz,
    sequence      text collate "C",
    trace_id      bytea check (length(trace_id) = 16),
    span_id       bytea check (length(span_id) = 8),
    key_id        bigint,
    payload       bytea not null,
    primary key (source, id)
);
create index evidence_of_type on evidence (type, time);

-- Voids and corrections, by what they are about: they may arrive before it.
create table amendment (
    source         integer not null references source,
    id             text collate "C" not null,
    kind           text not null check (kind in ('voided', 'corrected')),
    target_source  integer not null references source,
    target_id      text collate "C" not null,
    target_ref     bigint references subject_ref,
    primary key (source, id)
);
create index amendment_of_target on amendment (target_source, target_id);
create index amendment_unresolved on amendment (source, id) where target_ref is null;
create index amendment_of_ref on amendment (target_ref) where target_ref is not null;

-- What is known about which refs are one person. Append-only; `seq` is what the membership writer has still to see.
create table link_evidence (
    seq            bigint generated always as identity primary key,
    source         integer not null references source,
    id             text collate "C" not null,
    kind           text not null check (kind in ('same', 'different', 'retracted')),
    a              bigint references subject_ref,
    b              bigint references subject_ref,
    method         text,
    confidence     real not null default 1 check (confidence between 0 and 1),
    asserted_at    timestamptz not null,
    target_source  integer references source,
    target_id      text collate "C",
    received_at    timestamptz not null default now(),
    unique (source, id),
    check ((kind = 'retracted') = (target_source is not null and target_id is not null)),
    check ((kind = 'retracted') = (a is null and b is null))
);
create index link_evidence_of_a on link_evidence (a) where a is not null;
create index link_evidence_of_b on link_evidence (b) where b is not null;
create index link_evidence_of_target on link_evidence (target_source, target_id) where target_id is not null;

-- Which pathway a ref belonged to, and when. A ref without an open row is a pathway of its own. Never rebuilt.
create table membership (
    ref      bigint not null references subject_ref,
    pathway  uuid not null references subject_ref (birth),
    since    timestamptz not null default now(),
    until    timestamptz
);
create unique index membership_now on membership (ref) where until is null;
create index membership_of_pathway on membership (pathway) where until is null;
create index membership_history on membership (ref, since);

create table membership_progress (
    only_row  boolean primary key default true check (only_row),
    seq       bigint not null default 0
);
insert into membership_progress default values;

-- Every change of what a pathway holds, in commit order: readers say `seq > last` and miss nothing.
create table change (
    seq    bigint generated always as identity primary key,
    ref    bigint not null,
    batch  bigint not null,
    kind   text not null check (kind in ('interaction', 'membership', 'amendment', 'erasure')),
    at     timestamptz not null default now()
);
create index change_of_ref on change (ref, seq);

create sequence batch_number;

-- Logs that interactions came from. A replaced log (other cluster, recreated topic) opens a new epoch.
create table log_epoch (
    id          bigint generated always as identity primary key,
    cluster_id  text not null,
    opened_at   timestamptz not null default now(),
    reason      text not null
);

-- Where intake stands, moved in the same transaction as what it stored. `last_digest` is of the record before.
create table consumer_position (
    "group"      text not null,
    log_epoch    bigint not null references log_epoch,
    topic        text collate "C" not null,
    partition    integer not null,
    next_offset  bigint not null check (next_offset >= 0),
    last_digest  bytea,
    primary key ("group", log_epoch, topic, partition)
);

-- Records that could not be accepted, as they came.
create table parked (
    id             bigint generated always as identity primary key,
    log_epoch      bigint not null references log_epoch,
    topic          text collate "C" not null,
    partition      integer not null,
    "offset"       bigint not null,
    at             timestamptz,
    key            bytea,
    value          bytea,
    header_names   text[] not null,
    header_values  bytea[] not null,
    reason         text not null,
    field          text,
    detail         text not null,
    org            text collate "C",
    key_id         bigint,
    state          text not null default 'parked' check (state in ('parked', 'replayed', 'discarded')),
    parked_at      timestamptz not null default now(),
    unique (log_epoch, topic, partition, "offset")
);
create index parked_now on parked (reason, org) where state = 'parked';

-- Totals, moved in the transactions that change them.
create table tally (
    name  text primary key,
    n     bigint not null default 0
);
insert into tally (name) values ('interactions'), ('parked'), ('subjects'), ('stepped'), ('links');

-- Keys that this instance made for itself, such as the one that trace ids and versions are derived with.
create table instance_secret (
    name   text primary key,
    value  bytea not null check (length(value) >= 32)
);

-- migrate:down
