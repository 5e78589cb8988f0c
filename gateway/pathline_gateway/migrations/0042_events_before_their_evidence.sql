-- migrate:up

-- An entry may also be held because evidence of who is who, stored by then, was not bound yet. It is given once no
-- unseen evidence up to these concerns its pathway; 0 where it does not wait for that.
alter table dispatch_held add column evidence_seq bigint not null default 0;
alter table dispatch_held add column handoff_seq bigint not null default 0;

-- Which refs the evidence concerns that the membership writer has not seen yet. What was only proposed (5) moves nobody,
-- and anybody may propose anything.
create view unseen_evidence_ref as
with unseen as not materialized (
    select l.* from link_evidence l
    where l.seq > (select seq from membership_progress)
        and not exists (select from link_seen_ahead a where a.seq = l.seq)
)
select a as ref, seq from unseen where kind <> 'retracted' and standing <> 5
union all
select b, seq from unseen where kind <> 'retracted' and standing <> 5
union all
select t.a, r.seq from link_evidence t
join unseen r on r.kind = 'retracted' and r.target_source = t.source and r.target_id = t.id
union all
select t.b, r.seq from link_evidence t
join unseen r on r.kind = 'retracted' and r.target_source = t.source and r.target_id = t.id
union all
select h.a, r.seq from handoff_link h
join unseen r on r.kind = 'retracted' and r.target_source = h.source and r.target_id = h.id
union all
select h.b, r.seq from handoff_link h
join unseen r on r.kind = 'retracted' and r.target_source = h.source and r.target_id = h.id;

-- migrate:down
