-- migrate:up

-- How many offers of one organisation wait at another: counted for each that comes, and never among those that ended.
-- squawk-ignore require-concurrent-index-creation
create index handoff_open_between on handoff (sender, receiver) where offered is not null and ended is null;

-- How many tokens of an organisation may be used.
-- squawk-ignore require-concurrent-index-creation
create index link_token_of_org on link_token (org, expires_at);

-- migrate:down
