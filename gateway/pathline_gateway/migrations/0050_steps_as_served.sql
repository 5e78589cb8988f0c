-- squawk-ignore-file ban-drop-column, ban-drop-table, ban-drop-constraint, ban-drop-function, constraint-missing-not-valid
-- migrate:up

-- What many steps share. Never a free text: by an activity one person could be told from all others.
create table step_kind (
    id         integer generated always as identity primary key,
    source     integer not null references source,
    type       smallint not null references event_type,
    service    text,
    channel    text,
    initiator  text,
    actor      text,
    unique nulls not distinct (source, type, service, channel, initiator, actor)
);

-- A step is its kind, its ref and its payload, which is the JSON of its own members as they are served; beside it stands
-- only what statements look for. Everything else is in the payload. Where `kind` is null an earlier version stored it:
-- attributes, a line feed, data.
alter table interaction
    add column kind integer,
    add column is_access_deciding boolean,
    drop column recordedtime,
    drop column service,
    drop column activity,
    drop column channel,
    drop column initiator,
    drop column actor,
    drop column phase,
    drop column participation,
    drop column horizon,
    drop column trace_id,
    drop column span_id;

-- The steps by which it is decided who sees what of a pathway: those that name a hand-off or a mandate. Of what an earlier
-- version stored the bytes say it, where `\u` may spell anything. No index of a partitioned table can be made beside its
-- use: intake waits for one reading of the table.
-- squawk-ignore require-concurrent-index-deletion
drop index interaction_that_decides;
-- squawk-ignore require-concurrent-index-creation
create index interaction_access_deciding on interaction (ref)
    where coalesce(is_access_deciding, handoff is not null or position('"mandate"'::bytea in payload) > 0
        or position('\x5c75'::bytea in payload) > 0);

-- What earlier versions stored is rendered in the background, some pages at a time; the gateway answers from both.
create table interaction_upgrade (
    partition   text primary key,
    next_page   bigint not null default 0,
    pages       bigint not null,
    rendered    bigint not null default 0,
    started_at  timestamptz not null default now(),
    ended_at    timestamptz
);

alter table set_aside
    drop constraint set_aside_kind_check,
    add constraint set_aside_kind_check
        check (kind in ('evidence', 'hand-off', 'interaction', 'pathway', 'subscription')) not valid;
alter table set_aside validate constraint set_aside_kind_check;

-- From now on a partition is a year of receipt: each costs every pull a look. Months of before stay as they are, and no new
-- row comes to them; the empty ones go.
do $$
declare
    each record;
    month timestamptz;
    next_month timestamptz;
    ending timestamptz;
    is_empty boolean;
begin
    for each in
        select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'interaction'::regclass order by c.relname desc
    loop
        execute format('select not exists (select from %I)', each.name) into is_empty;
        if is_empty then
            execute format('drop table %I', each.name);
            continue;
        end if;
        insert into interaction_upgrade (partition, pages)
        select each.name, pg_relation_size(each.name::regclass) / current_setting('block_size')::bigint;
        month := make_timestamptz(substr(each.name, 13, 4)::int, substr(each.name, 18, 2)::int, 1, 0, 0, 0, 'UTC');
        next_month := (month at time zone 'UTC' + interval '1 month') at time zone 'UTC';
        execute format('select greatest(max(received_at) + interval ''1 microsecond'', now()) from %I', each.name) into ending;
        -- The month that has begun ends here.
        if ending > month and ending < next_month then
            execute format('alter table interaction detach partition %I', each.name);
            execute format('alter table interaction attach partition %I for values from (%L) to (%L)', each.name, month, ending);
        end if;
    end loop;
end $$;

drop function make_interaction_partition(text, timestamptz, timestamptz);

-- The partition of a year, from where those before it end. It may be made where the gateway has a role of its own.
create function make_interaction_partition(of_year integer) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    name text := format('interaction_%s', lpad(of_year::text, 4, '0'));
    next_year timestamptz := make_timestamptz(of_year + 1, 1, 1, 0, 0, 0, 'UTC');
    first timestamptz;
begin
    if to_regclass(name) is null then
        select greatest(make_timestamptz(of_year, 1, 1, 0, 0, 0, 'UTC'), max(p.ending)) into first from (
            select (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz as ending
            from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'interaction'::regclass
        ) p
        where p.ending <= next_year;
        if first < next_year then
            execute format('create table %I partition of interaction for values from (%L) to (%L)', name, first, next_year);
        end if;
    end if;
end $$;

-- What an earlier version stored on these pages of a partition, with names for numbers.
create function earlier_interactions(of_partition text, from_page bigint, to_page bigint)
returns table (place tid, source_number integer, source text, id text, type_number smallint, type text, "time" timestamptz,
    sequence text, handoff text, payload bytea)
language plpgsql stable set search_path = public, pg_temp as $$
begin
    return query execute format(
        'select i.ctid, i.source, s.source::text, i.id::text, i.type, t.type::text, i.time, i.sequence::text, i.handoff,'
        ' i.payload from %I i join source s on s.id = i.source join event_type t on t.id = i.type'
        ' where i.ctid >= format(''(%%s,0)'', $1)::tid and i.ctid < format(''(%%s,0)'', $2)::tid and i.kind is null',
        of_partition) using from_page, to_page;
end $$;

-- These are stored as this version stores them.
create function store_rendered(
    of_partition text, places tid[], kinds integer[], deciding boolean[], payloads bytea[]
) returns void language plpgsql set search_path = public, pg_temp as $$
begin
    execute format(
        'update %I i set kind = r.kind, is_access_deciding = r.deciding, payload = r.payload'
        ' from unnest($1, $2, $3, $4) as r(place, kind, deciding, payload) where i.ctid = r.place and i.kind is null',
        of_partition) using places, kinds, deciding, payloads;
end $$;

-- migrate:down
