-- squawk-ignore-file require-concurrent-index-creation
-- All processes of the version before have stopped: see CHANGELOG. Nobody waits for these indexes.
-- migrate:up

-- `payload` of interactions and evidence: where the publisher used such names, the data says what they stand for. Then a
-- record separator (U+001E) follows, and the data as it was sent.

-- What the names that readers are told stand for is found by these. `visibility/name_identities.py` makes the same digest.
create function name_digest(of text) returns bytea language sql immutable strict parallel safe as $$
    select substring(sha256(convert_to(of, 'UTF8')) for 16)
$$;

-- Every hand-off that a step names, and those that corrections alone name.
create index interaction_of_handoff_name on interaction (name_digest(handoff)) where handoff is not null;
create index handoff_input_of_handoff_name on handoff_input (name_digest(handoff))
    where kind = 'amended' and handoff is not null;

-- migrate:down
