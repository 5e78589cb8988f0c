-- migrate:up

-- A random page written for every event, for the sake of a version that the interactions themselves tell. Dropping it
-- takes an instant, and a migration is one transaction.
-- squawk-ignore require-concurrent-index-deletion
drop index if exists change_of_ref;
