-- migrate:up

-- Who is silent, for the operator's first page, without a look at each hand-off there is. The watchdog has indexes of its
-- own, without what was imported: this page tells of that too.
-- squawk-ignore require-concurrent-index-creation
create index handoff_silent_accept on handoff (due_accept) where answered_accept is null and due_accept is not null;
-- squawk-ignore require-concurrent-index-creation
create index handoff_silent_contact on handoff (due_contact)
    where answered_contact is null and due_contact is not null;

-- migrate:down
