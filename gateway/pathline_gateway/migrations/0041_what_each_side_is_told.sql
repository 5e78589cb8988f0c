-- migrate:up

-- A hand-off of which something is concealed from somebody, as one of its sides may know it: what is concealed from that
-- side has no part in it. All is null but the sender where the side may know of no offer. A row stays once it is there:
-- what was said of silence to that side is told apart from then on.
create table handoff_side (
    handoff          text collate "C" not null,
    org              text collate "C" not null,
    sender           text collate "C" not null,
    receiver         text collate "C",
    ref              bigint,
    due_accept       timestamptz,
    due_contact      timestamptz,
    answered_accept  timestamptz,
    answered_contact timestamptz,
    known_accept     timestamptz,
    known_contact    timestamptz,
    primary key (handoff, org)
);
create index handoff_side_waited_accept on handoff_side (due_accept)
    where answered_accept is null and known_accept <= due_accept and (org = sender or org = receiver);
create index handoff_side_waited_contact on handoff_side (due_contact)
    where answered_contact is null and known_contact <= due_contact and (org = sender or org = receiver);
create index handoff_side_of_receiver on handoff_side (receiver);

-- Hand-offs of which it has to be told anew what each side may know: the register conceals something else than it did.
-- Nothing is said of their silence meanwhile.
create table handoff_to_judge (
    handoff  text collate "C" primary key
);

-- To whom a notice is told: to this side alone, by what it may know; '' is whoever sees everything, and each side from
-- which nothing of the hand-off was ever concealed.
-- squawk-ignore adding-field-with-default
alter table handoff_notice add column audience text collate "C" not null default '';
-- squawk-ignore ban-drop-constraint
alter table handoff_notice drop constraint handoff_notice_handoff_stage_due_kind_key;
-- squawk-ignore require-concurrent-index-creation
create unique index handoff_notice_once on handoff_notice (handoff, stage, due, kind, audience);

-- Hand-offs that an organisation (under one ref, or under any) may have a part in: those that it asks or is asked, those
-- that it names, and those offered on pathways on which it stands. By the indexes of senders, receivers, refs and pathways.
create function handoffs_with(of text, known_as text) returns setof text language sql stable as $$
    with known as (
        select s.id from subject_ref s where s.org = of and (known_as is null or s.subject = known_as)
    )
    select h.handoff from handoff h where known_as is null and h.sender = of
    union
    select h.handoff from handoff h where known_as is null and h.receiver = of
    union
    select v.handoff from handoff_side v where known_as is null and v.receiver = of
    union
    select i.handoff from known k cross join lateral (
        select i.handoff from interaction i where i.ref = k.id and i.handoff is not null offset 0
    ) i
    union
    select h.handoff from known k
    join membership m on m.ref = k.id and m.until is null
    join membership o on o.pathway = m.pathway and o.until is null
    join handoff h on h.ref = o.ref
$$;

-- Whoever keeps hand-offs holds this lock while she reads what is concealed: what she keeps meanwhile is found here.
create function judge_handoffs_again() returns trigger language plpgsql as $$
declare
    changed jsonb := to_jsonb(coalesce(new, old));
begin
    perform pg_advisory_xact_lock(1886126088);
    insert into handoff_to_judge select handoffs_with(changed ->> 'org', changed ->> 'subject') on conflict do nothing;
    return null;
end $$;

create trigger judge_handoffs_again_after_insert after insert on organisation
    for each row when (new.conceals) execute function judge_handoffs_again();
create trigger judge_handoffs_again_after_update after update on organisation
    for each row when (old.conceals is distinct from new.conceals) execute function judge_handoffs_again();
create trigger judge_handoffs_again after insert or delete on concealed_service
    for each row execute function judge_handoffs_again();
create trigger judge_handoffs_again after insert or delete on concealed_ref
    for each row execute function judge_handoffs_again();

insert into handoff_to_judge select handoff from handoff;

-- migrate:down
