-- migrate:up

-- The processes of this deployment that live: each says so twice a second. One that was not heard of for longer is taken for
-- dead; it may only have been stopped. `session`: what its connections to Postgres are named by.
create table gateway_process (
    id           bigint generated always as identity primary key,
    session      text collate "C" not null,
    is_candidate boolean not null,
    started_at   timestamptz not null default now(),
    alive_until  timestamptz not null
);

-- Works that one process leads at a time. `term` grows by one whenever somebody takes the work.
create table work_lease (
    work     text collate "C" primary key,
    process  bigint references gateway_process on delete set null,
    term     bigint not null default 0,
    since    timestamptz not null default now()
);

-- migrate:down
