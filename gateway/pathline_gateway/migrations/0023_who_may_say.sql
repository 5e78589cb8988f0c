-- migrate:up

-- Which organisations may register mandates that count without the person's own word, such as a guardianship office.
create table mandate_registrar (
    org         text collate "C" primary key references organisation,
    entered_by  text not null,
    entered_at  timestamptz not null default now()
);

-- By what right evidence binds, further: 6 the organisation of both sides, where joining them joins nothing that others
-- know; 7 an organisation of one side that tells them apart, unless the person herself linked them. What was there stays
-- as it was judged when it came.
-- squawk-ignore ban-drop-constraint
alter table link_evidence drop constraint link_evidence_standing;
alter table link_evidence add constraint link_evidence_standing check (standing between 0 and 7) not valid;

-- Why evidence waits, further: it would join the accounts of two people, or what other organisations know apart.
-- squawk-ignore ban-drop-constraint
alter table review_item drop constraint review_item_reason_check;
alter table review_item add constraint review_item_reason check (
    reason in ('proposed', 'overruled', 'impossible', 'hub', 'conflict', 'oversize', 'bridge', 'accounts', 'others')
) not valid;

-- migrate:down
