-- migrate:up

-- Entries of the change log that were passed while their pathway was closed: nothing of it is given to anybody until it
-- is open again, and then all of it, in this order.
create table dispatch_held (
    ref    bigint not null,
    batch  bigint not null,
    seq    bigint not null,
    primary key (ref, batch)
);
create index dispatch_held_in_order on dispatch_held (seq);

-- The same for one subscription: what a replay of it passed, and what it was handed a marker for. `notice`: a notice of
-- the gateway, which stands in no batch.
create table delivery_owed (
    subscription  uuid not null references subscription on delete cascade,
    source        integer not null,
    id            text collate "C" not null,
    ref           bigint not null,
    notice        boolean not null,
    nth           bigint generated always as identity,
    primary key (subscription, source, id)
);
create index delivery_owed_in_order on delivery_owed (nth);

-- Numbers that were handed out as a marker while their pathway was closed. They stay that: what they stood for is given
-- under another number.
create table delivery_withheld (
    subscription  uuid not null references subscription on delete cascade,
    number        bigint not null,
    primary key (subscription, number)
);

-- migrate:down
