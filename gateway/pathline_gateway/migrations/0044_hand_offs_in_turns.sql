-- migrate:up

-- Events of hand-offs that the membership writer has seen before events that came earlier: organisations take turns.
create table handoff_input_seen_ahead (seq bigint primary key);

create view unseen_handoff_input as
select k.* from handoff_input k
where k.seq > (select handoff_input_seq from membership_progress)
    and not exists (select from handoff_input_seen_ahead a where a.seq = k.seq);

-- Which refs they concern: those of the hand-off, and of an event that was voided or corrected. Ask it of one ref: what
-- waits is found from there, however much it is.
create view unseen_handoff_ref as
select i.ref, k.seq from interaction i
cross join lateral (select u.seq from unseen_handoff_input u where u.handoff = i.handoff offset 0) k
where i.handoff is not null
union all
select a.target_ref, k.seq from amendment a
cross join lateral (
    select u.seq from unseen_handoff_input u
    where u.kind = 'amended' and u.source = a.target_source and u.id = a.target_id offset 0
) k
where a.target_ref is not null;

-- migrate:down
