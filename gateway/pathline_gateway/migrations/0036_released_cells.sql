-- migrate:up

-- What others than auditors are told of hand-offs is a sum of released cells of ten people at least: here is which hand-off
-- is in which cell, and how it stood when its cell was released or last changed. It is released anew once a month.
create table released_handoff (
    handoff        text collate "C" primary key,
    pathway        uuid not null,
    cell_sender    text collate "C",
    cell_receiver  text collate "C",
    sender         text collate "C" not null,
    receiver       text collate "C" not null,
    offered        timestamptz not null,
    accepted       timestamptz,
    first_contact  timestamptz,
    first_service  timestamptz,
    heard          timestamptz,
    ended          timestamptz,
    completed      boolean not null,
    until          timestamptz
);
create index released_handoff_of_sender on released_handoff (cell_sender);
create index released_handoff_of_receiver on released_handoff (cell_receiver);

create table released_month (
    only_row  boolean primary key default true check (only_row),
    month     date not null
);

-- Answers of a day are kept no longer: those of a month are computed from what was released.
-- squawk-ignore ban-drop-table
drop table measure_snapshot;

-- migrate:down
