-- migrate:up

-- The newest batches are read all the time, by whoever hands out, and those are the pages that a summary by ranges knows
-- nothing of yet: each look read all of them. A tree of batches is small, as each stands in it once for many rows.
-- No index of a partitioned table can be made beside its use: intake waits for one reading of the table.
-- squawk-ignore require-concurrent-index-deletion
drop index interaction_of_batch;
-- squawk-ignore require-concurrent-index-creation
create index interaction_of_batch on interaction (batch);

-- migrate:down
