-- migrate:up

-- What a subscription was given up to this number is kept no more: its reader is told so in its place.
alter table subscription add column forgotten_to bigint not null default 0;
-- How many of these its sink had not taken: it is told with what was given up.
alter table webhook_sink add column lost bigint not null default 0;

-- migrate:down
