-- migrate:up

-- Which refs links connect, whether these bind or not, in or out of force: what is connected is looked at together, and is
-- bounded where links are taken in. Links that were there before count from their next neighbour on.
create table link_component (
    ref        bigint primary key,
    component  bigint not null
);
create index link_component_of on link_component (component);

-- How many of those links each organisation said.
create table link_component_share (
    component  bigint not null,
    org        text collate "C" not null,
    links      integer not null,
    primary key (component, org)
);

-- How many links each organisation proposed on the last day on which it did.
create table proposal_count (
    org  text collate "C" primary key,
    day  date not null,
    n    integer not null
);

-- migrate:down
