-- migrate:up

-- Events of hand-offs that the membership writer has seen before events that came earlier: organisations take turns.
create table handoff_input_seen_ahead (seq bigint primary key);

create view unseen_handoff_input as
select k.* from handoff_input k
where k.seq > (select handoff_input_seq from membership_progress)
    and not exists (select from handoff_input_seen_ahead a where a.seq = k.seq);

-- The first of these that concerns a ref: it is about a hand-off of this ref, or about an event that was voided or corrected.
-- Found from the ref, however much waits; `offset 0` keeps it so.
create function first_unseen_handoff_input(of_ref bigint) returns bigint language sql stable as $$
    select min(k.seq) from (
        select u.seq from interaction i
        cross join lateral (select seq from handoff_input where handoff = i.handoff offset 0) u
        where i.ref = of_ref and i.handoff is not null
        union all
        select u.seq from amendment a
        cross join lateral (
            select seq from handoff_input where kind = 'amended' and source = a.target_source and id = a.target_id offset 0
        ) u
        where a.target_ref = of_ref
    ) k
    where k.seq > (select handoff_input_seq from membership_progress)
        and not exists (select from handoff_input_seen_ahead a where a.seq = k.seq offset 0)
$$;

-- migrate:down
