-- migrate:up

-- How much of an event a subscription is sent: all of it, names alone, or only that there is one.
alter table subscription add column payload text not null default 'full';
alter table subscription
    add constraint subscription_payload_check check (payload in ('full', 'thin', 'none')) not valid;

-- migrate:down
