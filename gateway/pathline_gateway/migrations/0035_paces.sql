-- migrate:up

-- When the next may happen of something that happens only so often: a request to a sink that allows so many a minute, a
-- canary of an organisation. By a digest: what stands behind it is nobody's business here.
create table pace (
    what     bytea primary key,
    next_at  timestamptz not null
);

-- migrate:down
