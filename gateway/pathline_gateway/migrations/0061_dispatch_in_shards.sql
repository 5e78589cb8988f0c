-- squawk-ignore-file adding-field-with-default, ban-drop-default, constraint-missing-not-valid, adding-serial-primary-key-field, ban-drop-constraint
-- All processes of the version before have stopped: see CHANGELOG. The tables of dispatch are small.
-- migrate:up

-- Dispatch is done in eight shards: of each, subscriptions by the last byte of their id. Each shard has come so far in the
-- change log, and holds entries of its own. `streams/subscriptions/shards.py` computes the same.
alter table subscription
    add column shard smallint not null generated always as ((get_byte(uuid_send(id), 15) % 8)::smallint) stored;

alter table dispatch_progress add column shard smallint not null default 0;
-- squawk-ignore ban-drop-column
alter table dispatch_progress drop column only_row;
insert into dispatch_progress (shard, change_seq) select n, p.change_seq from dispatch_progress p, generate_series(1, 7) n;
alter table dispatch_progress alter column shard drop default;
alter table dispatch_progress add primary key (shard);

alter table dispatch_held add column shard smallint not null default 0;
alter table dispatch_held drop constraint dispatch_held_pkey;
insert into dispatch_held (ref, batch, change_seq, link_evidence_seq, handoff_input_seq, shard)
select h.ref, h.batch, h.change_seq, h.link_evidence_seq, h.handoff_input_seq, n from dispatch_held h, generate_series(1, 7) n;
alter table dispatch_held alter column shard drop default;
alter table dispatch_held add primary key (shard, ref, batch);

-- migrate:down
