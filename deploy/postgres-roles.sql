-- Two roles on Postgres: `pathline_owner` owns the schema and migrates it; `pathline_gateway` is the gateway's own, and
-- can add to the access log and to the history of the register, and change neither. Run as a superuser in the gateway's
-- database, before the first migration and after each version that has new ones. It may be run again at any time.
-- Then: set a password for each role, run `pathline-gateway migrate` with the owner's address in PATHLINE_DATABASE, and
-- start the gateway with that of `pathline_gateway`.

do $$
begin
    if not exists (select from pg_roles where rolname = 'pathline_owner') then
        create role pathline_owner login;
    end if;
    if not exists (select from pg_roles where rolname = 'pathline_gateway') then
        create role pathline_gateway login;
    end if;
end $$;

-- What is there belongs to the owner, whoever made it.
alter schema public owner to pathline_owner;
do $$
declare
    each record;
begin
    for each in
        select c.oid::regclass as name, c.relkind from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
          and pg_get_userbyid(c.relowner) <> 'pathline_owner'
    loop
        execute format(
            'alter %s %s owner to pathline_owner', case each.relkind when 'v' then 'view' else 'table' end, each.name
        );
    end loop;
    for each in
        select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace = 'public'::regnamespace and pg_get_userbyid(p.proowner) <> 'pathline_owner'
    loop
        execute format('alter function %s owner to pathline_owner', each.name);
    end loop;
end $$;

-- The gateway reads and writes; it makes, alters and drops nothing.
revoke create on schema public from public, pathline_gateway;
grant usage on schema public to pathline_gateway;
grant select, insert, update, delete, maintain on all tables in schema public to pathline_gateway;
grant usage, select on all sequences in schema public to pathline_gateway;
alter default privileges for role pathline_owner in schema public
    grant select, insert, update, delete, maintain on tables to pathline_gateway;
alter default privileges for role pathline_owner in schema public grant usage, select on sequences to pathline_gateway;

-- Both logs, and the ledger of migrations.
do $$
declare
    each text;
begin
    foreach each in array array['access', 'register_change'] loop
        if to_regclass('public.' || each) is not null then
            execute format('revoke all on %I from public, pathline_gateway', each);
            execute format('grant select, insert on %I to pathline_gateway', each);
        end if;
    end loop;
    if to_regclass('public.migration') is not null then
        revoke all on migration from public, pathline_gateway;
        grant select on migration to pathline_gateway;
    end if;
end $$;
