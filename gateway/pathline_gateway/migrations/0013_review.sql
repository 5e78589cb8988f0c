-- migrate:up

-- What a reviewer is shown is named by a number that says nothing: an event's id may be anything its publisher likes.
-- The table holds what waits, and is as new as this: it is rewritten in no time.
-- squawk-ignore adding-field-with-default
alter table review_item add column item uuid not null default gen_random_uuid();
-- squawk-ignore adding-field-with-default
alter table review_item add column nr bigint generated always as identity;
-- squawk-ignore require-concurrent-index-creation
create unique index review_item_of_item on review_item (item);
-- squawk-ignore require-concurrent-index-creation
create unique index review_item_in_order on review_item (nr);

-- The organisation of people's own accounts, under which citizens link.
insert into organisation (org, name, sector, registered_by) values ('citizen', 'Citizens', 'citizen', 'operator')
on conflict do nothing;

-- migrate:down
