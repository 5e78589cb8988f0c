-- migrate:up

-- The steps by which it is decided who sees what of a pathway, without a look at all others: those that name a hand-off or
-- a mandate. A name in JSON may be spelled with `\u`, and so is whatever has one. (Text of another script has, too, where
-- its publisher writes it so: then the index has more than it must, and nothing is missed.)
-- No index of a partitioned table can be made beside its use: intake waits for one reading of the table.
-- squawk-ignore require-concurrent-index-creation
create index interaction_that_decides on interaction (ref)
    where handoff is not null or position('"mandate"'::bytea in payload) > 0
        or position('\x5c75'::bytea in payload) > 0;

-- migrate:down
