-- migrate:up

-- Evidence that the membership writer has seen before evidence that came earlier: organisations take turns.
create table link_seen_ahead (seq bigint primary key);

create view seen_evidence as
select l.* from link_evidence l
where l.seq <= (select seq from membership_progress)
    or exists (select from link_seen_ahead a where a.seq = l.seq);

-- migrate:down
