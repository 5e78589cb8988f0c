-- migrate:up

-- An entry may also be held because evidence of who is who, stored by then, was not bound yet. It is given once the
-- membership writer has seen all evidence up to these; 0 where it does not wait for that.
alter table dispatch_held add column evidence_seq bigint not null default 0;
alter table dispatch_held add column handoff_seq bigint not null default 0;

-- migrate:down
