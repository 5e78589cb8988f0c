-- migrate:up

-- What became of a parked record: when, by whom, and as what or why. `tried_at`: its last replay that was refused.
-- `header_bytes`: header names as they came, kept where text cannot hold them.
alter table parked add column header_bytes bytea[];
alter table parked add column tried_at timestamptz;
alter table parked add column resolved_at timestamptz;
alter table parked add column resolved_by text;
alter table parked add column resolution text;

-- Not validated: nothing was settled before this version.
alter table parked add constraint parked_until_resolved
    check ((state = 'parked') = (resolved_at is null)
        and (state = 'parked') = (resolved_by is null)
        and (state = 'parked') = (resolution is null)) not valid;

-- In the order of their coming, for who goes through them. Intake waits while it is built: few records are parked.
-- squawk-ignore require-concurrent-index-creation
create index parked_in_order on parked (id) where state = 'parked';

-- migrate:down
