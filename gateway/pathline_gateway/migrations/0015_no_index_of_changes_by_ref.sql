-- migrate:up

-- A random page written for every event, for the sake of a version that the interactions themselves tell.
drop index if exists change_of_ref;
