-- migrate:up

-- How often voids took the last step from under a ref: who stored a step meanwhile looks again whether it counts.
insert into tally (name) values ('emptied');

-- migrate:down
