-- migrate:up

-- What a reviewer is shown is named by a number that says nothing: an event's id may be anything its publisher likes.
alter table review_item add column item uuid not null default gen_random_uuid();
alter table review_item add column nr bigint generated always as identity;
create unique index review_item_of_item on review_item (item);
create unique index review_item_in_order on review_item (nr);

-- Decisions of reviewers: in the order of their coming, and about which two refs.
create index link_evidence_decided on link_evidence (seq) where standing = 0 and kind <> 'retracted';
create index link_evidence_decided_of on link_evidence (a, b) where standing = 0 and kind <> 'retracted';

-- The organisation of people's own accounts, under which citizens link.
insert into organisation (org, name, sector, registered_by) values ('citizen', 'Citizens', 'citizen', 'operator')
on conflict do nothing;

-- migrate:down
