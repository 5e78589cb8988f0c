-- migrate:up

-- Events of hand-offs that the membership writer has seen before events that came earlier: organisations take turns.
create table handoff_input_seen_ahead (seq bigint primary key);

create view unseen_handoff_input as
select k.* from handoff_input k
where k.seq > (select handoff_input_seq from membership_progress)
    and not exists (select from handoff_input_seen_ahead a where a.seq = k.seq);

-- Which refs they concern: those of the hand-off, and of an event that was voided or corrected.
create view unseen_handoff_ref as
select i.ref, k.seq from unseen_handoff_input k join interaction i on i.handoff = k.handoff where i.handoff is not null
union all
select a.target_ref, k.seq from unseen_handoff_input k
join amendment a on a.target_source = k.source and a.target_id = k.id
where k.kind = 'amended' and a.target_ref is not null;

-- migrate:down
