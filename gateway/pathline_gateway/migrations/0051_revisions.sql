-- migrate:up

-- What is told of a pathway changes only when a revision of one of its refs does: it is the last entry of the change log
-- that concerns the ref, or a hand-off that a step under it names. An instant that passes changes it as well.
alter table subject_ref
    add column revision bigint not null default 0,
    add column names_handoff boolean not null default false;
-- A new revision stays on its page, and touches no index: half of each page is for those that nobody has cleared yet.
alter table subject_ref set (fillfactor = 50);
update subject_ref set names_handoff = true
where id in (select i.ref from interaction i where i.handoff is not null);

-- migrate:down
