-- migrate:up

-- Who read what of whom, and who was refused: a row a request, written in the transaction of the reading. Never a name
-- of staff. `org` is the reader's organisation; of persons only whether they came as the citizen or as a helper is kept.
-- `quiet`: to tell the person of it would tell what is concealed; auditors see it.
create table access (
    id          bigint generated always as identity primary key,
    at          timestamptz not null default now(),
    kind        text not null check (kind in ('operator', 'organisation', 'citizen', 'helper', 'none')),
    org         text collate "C",
    roles       text[] not null,
    purpose     text,
    basis       text,
    instrument  text,
    mandate     text,
    refs        bigint[] not null,
    what        text not null check (what in ('search', 'pathway', 'trace')),
    outcome     text not null check (outcome in ('shown', 'unchanged', 'moved', 'refused')),
    reason      text,
    trace_id    bytea check (length(trace_id) = 16),
    quiet       boolean not null default false,
    check ((outcome = 'refused') = (reason is not null))
);
create index access_of_refs on access using gin (refs);
create index access_by_time on access using brin (at);

-- migrate:down
