-- migrate:up

-- Open hand-offs of one side, the one that has waited longest first, page by page: a page costs the same whatever has
-- ended. Besides, those that have ended and may not have for a side, because something about them is concealed from it.
-- squawk-ignore require-concurrent-index-creation
create index handoff_open_of_receiver on handoff (receiver, offered, handoff)
    where ended is null and offered is not null;
-- squawk-ignore require-concurrent-index-creation
create index handoff_open_of_sender on handoff (sender, offered, handoff)
    where ended is null and offered is not null;
-- squawk-ignore require-concurrent-index-creation
create index handoff_odd_of_receiver on handoff (receiver, offered, handoff)
    where ended is not null and offered is not null and (concealed or redirects > 0 or ended_by = 'cancelled');
-- squawk-ignore require-concurrent-index-creation
create index handoff_odd_of_sender on handoff (sender, offered, handoff)
    where ended is not null and offered is not null and (concealed or redirects > 0 or ended_by = 'cancelled');
-- Who declined what was passed on to somebody concealed is looked for among the few that were passed on.
-- squawk-ignore require-concurrent-index-creation
create index handoff_passed_on on handoff (offered, handoff) where redirects > 0 and offered is not null;

-- migrate:down
