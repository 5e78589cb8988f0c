-- migrate:up

-- The hand-offs that a batch named, without a look at the rest of it. What a batch wrote last is not summarised in the
-- index of all batches yet, and would be read from there on to the end of the table.
-- No index of a partitioned table can be made beside its use: intake waits for one reading of the table.
-- squawk-ignore require-concurrent-index-creation
create index interaction_of_handoff_by_batch on interaction (batch) where handoff is not null;

-- migrate:down
