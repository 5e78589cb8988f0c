-- migrate:up

-- The hand-offs that a batch named, without a look at the rest of it. What a batch wrote last is not summarised in the
-- index of all batches yet, and would be read from there on to the end of the table.
create index interaction_of_handoff_by_batch on interaction (batch) where handoff is not null;

-- migrate:down
