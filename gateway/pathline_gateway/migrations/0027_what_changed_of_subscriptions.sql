-- migrate:up

-- In which version of what is wanted this was last changed: whoever hands out reads what changed since, and not all.
alter table subscription add column changed bigint not null default 0;
-- squawk-ignore require-concurrent-index-creation
create index subscription_by_change on subscription (changed);

-- For each row: a version is one row's, and grows in the order of the commits, as whoever made one holds it to its end.
drop trigger subscription_changed on subscription;
create function subscription_version_set() returns trigger language plpgsql as $$
begin
    update subscription_version set n = n + 1 returning n into new.changed;
    return new;
end $$;
create trigger subscription_changed
    before insert or update of org, operator, protocol, purpose, authority, filters, paused, from_seq
    on subscription for each row execute function subscription_version_set();
create trigger subscription_ended
    after delete on subscription for each statement execute function subscription_changed();

-- migrate:down
