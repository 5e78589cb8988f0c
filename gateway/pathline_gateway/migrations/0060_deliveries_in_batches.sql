-- migrate:up

-- What a subscription was given, up to so many events a row: who takes everything costs a row a page, and not one an event.
-- Numbers of a subscription have no gap, so an event's place says its number. Minutes, where tens of millions are kept.
create table delivery_batch (
    subscription  uuid not null references subscription on delete cascade,
    first_number  bigint not null,
    last_number   bigint not null,
    delivered_at  timestamptz not null default now(),
    sources       integer[] not null,
    ids           text[] collate "C" not null,
    primary key (subscription, last_number),
    constraint delivery_batch_has_each_number check (
        cardinality(sources) = last_number - first_number + 1 and cardinality(ids) = cardinality(sources)
    )
);
-- When an event was given, if it was: not before it was stored.
create index delivery_batch_by_time on delivery_batch (subscription, delivered_at);

insert into delivery_batch (subscription, first_number, last_number, delivered_at, sources, ids)
select subscription, min(number), max(number), delivered_at, array_agg(source order by number), array_agg(id order by number)
from (
    select *, number - row_number() over (partition by subscription, delivered_at order by number) as run from delivery
) d
group by subscription, delivered_at, run, (number - 1) / 128;

-- squawk-ignore ban-drop-view
drop view delivery_with_pathway;
-- squawk-ignore ban-drop-table
drop table delivery;

-- A row an event, for people. The gateway looks up batches.
create view delivery as
select b.subscription, b.first_number + e.place - 1 as number, e.source, e.id, b.delivered_at
from delivery_batch b cross join lateral unnest(b.sources, b.ids) with ordinality as e(source, id, place);

-- The event with this number: one row, or none where it is kept no more.
create function delivery_at(of_subscription uuid, at_number bigint)
returns table (source integer, id text, delivered_at timestamptz) language sql stable rows 1 as $$
    select b.sources[(at_number - b.first_number + 1)::integer], b.ids[(at_number - b.first_number + 1)::integer], b.delivered_at
    from (
        select * from delivery_batch d where d.subscription = of_subscription and d.last_number >= at_number
        order by d.last_number limit 1
    ) b
    where b.first_number <= at_number
$$;

-- When that was, and the pathway that the event, or the notice of the gateway, is on now.
create function delivery_with_pathway_at(of_subscription uuid, at_number bigint)
returns table (delivered_at timestamptz, pathway uuid) language sql stable rows 1 as $$
    select g.delivered_at, coalesce(m.pathway, r.anchor_id)
    from delivery_at(of_subscription, at_number) g
    left join event_identity k on k.source = g.source and k.id = g.id
    left join handoff_notice n on k.id is null and n.id = g.id
    left join subject_ref r on r.id = coalesce(k.ref, n.offer_ref)
    left join membership m on m.ref = r.id and m.valid_until is null
$$;

-- migrate:down
