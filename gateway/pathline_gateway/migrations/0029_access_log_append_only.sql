-- migrate:up

-- The access log: which route was asked, by whom (a keyed hash of the token's subject, never a name), and what an act was
-- about. `trace_id` is the gateway's own number of the request from now on; `caller_trace` is what the caller sent.
-- `hidden_refs`: to tell these persons of the row would tell what is concealed.
-- Rows that are there keep to the stricter constraints: nothing has to be looked at.
alter table access
    add column who text collate "C",
    add column route text,
    add column about text,
    add column caller_trace bytea,
    add column hidden_refs bigint[] not null default '{}';
-- squawk-ignore ban-drop-constraint
alter table access drop constraint access_what_check;
-- squawk-ignore ban-drop-constraint
alter table access drop constraint access_outcome_check;
-- squawk-ignore ban-drop-constraint
alter table access drop constraint access_check;
alter table access
    add constraint access_caller_trace_check check (length(caller_trace) = 16) not valid,
    add constraint access_what_check check (what ~ '^[a-z]+(-[a-z]+)*$') not valid,
    add constraint access_outcome_check
        check (outcome in ('shown', 'unchanged', 'moved', 'refused', 'done', 'failed')) not valid,
    add constraint access_check check ((outcome in ('refused', 'failed')) = (reason is not null)) not valid;

-- What was entered in, changed on or taken from the register, by whom, whatever program did it.
create table register_change (
    id         bigint generated always as identity primary key,
    at         timestamptz not null default clock_timestamp(),
    changed_by text not null,
    register   text not null,
    change     text not null check (change in ('insert', 'update', 'delete')),
    before     jsonb,
    after      jsonb
);

create function record_register_change() returns trigger language plpgsql as $$
begin
    insert into register_change (changed_by, register, change, before, after)
    values (
        coalesce(nullif(current_setting('pathline.acts_for', true), ''), 'sql:' || session_user),
        tg_table_name, lower(tg_op),
        case when tg_op <> 'INSERT' then to_jsonb(old) end,
        case when tg_op <> 'DELETE' then to_jsonb(new) end
    );
    return null;
end $$;

create trigger record_change after insert or update or delete on linker
    for each row execute function record_register_change();
create trigger record_change after insert or update or delete on lawful_basis
    for each row execute function record_register_change();
create trigger record_change after insert or update or delete on concealed_service
    for each row execute function record_register_change();
create trigger record_change after insert or update or delete on concealed_ref
    for each row execute function record_register_change();
-- An organisation that is met at its first event was entered by nobody.
create trigger record_entry after insert on organisation
    for each row when (new.registered_by = 'operator') execute function record_register_change();
create trigger record_change after update on organisation
    for each row when (old.* is distinct from new.*) execute function record_register_change();
create trigger record_removal after delete on organisation
    for each row execute function record_register_change();

-- Somebody asks that a concealment be lifted; it is once another agrees.
create table concealment_lift (
    org       text not null references organisation,
    service   text,
    subject   text collate "C",
    asked_by  text not null,
    asked_at  timestamptz not null default now(),
    check (service is null or subject is null),
    unique nulls not distinct (org, service, subject)
);
create trigger record_change after insert or update or delete on concealment_lift
    for each row execute function record_register_change();

-- What is written in a log stays as it was written, whoever asks; only what is older than seven years is deleted.
create function refuse_change_of_log() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and tg_table_name = 'access' then
        if old.at < now() - interval '2562 days' then
            return old;
        end if;
    end if;
    raise exception '% can only be added to', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete on access
    for each row execute function refuse_change_of_log();
create trigger append_only_whole before truncate on access
    for each statement execute function refuse_change_of_log();
create trigger append_only before update or delete on register_change
    for each row execute function refuse_change_of_log();
create trigger append_only_whole before truncate on register_change
    for each statement execute function refuse_change_of_log();

-- The retention: the gateway's role may call this, and delete nothing by itself.
create function forget_old_accesses() returns void language sql security definer set search_path = public, pg_temp as $$
    delete from access where at < now() - interval '2562 days';
$$;

-- A partition is made by the owner of the table, on behalf of a role that owns nothing.
create function make_interaction_partition(name text, first timestamptz, next timestamptz) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if name !~ '^interaction_[0-9]{4}_[0-9]{2}$' then
        raise exception 'not the name of a partition' using errcode = 'invalid_parameter_value';
    end if;
    if to_regclass(name) is null then
        execute format('create table %I partition of interaction for values from (%L) to (%L)', name, first, next);
    end if;
end $$;

-- Where the gateway has a role of its own (deploy/postgres-roles.sql), it may add to the logs, and no more.
do $$
declare
    each record;
begin
    for each in
        select distinct c.relname, a.grantee::regrole as grantee from pg_class c
        cross join lateral aclexplode(c.relacl) a
        where c.oid in ('access'::regclass, 'register_change'::regclass) and a.grantee not in (0, c.relowner)
    loop
        execute format('revoke update, delete, truncate, trigger on %I from %s', each.relname, each.grantee);
    end loop;
end $$;

-- migrate:down
