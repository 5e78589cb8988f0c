-- migrate:up

-- By what right evidence binds: 0 a reviewer's decision, 1 the citizen, 2 a redeemed hand-off, 3 a registered linker or
-- the organisation of both sides, 4 anybody while auth is off, 5 nobody who may: it waits. What was there came with auth
-- off.
alter table link_evidence add column standing smallint not null default 4;
alter table link_evidence add constraint link_evidence_standing check (standing between 0 and 5) not valid;

-- Which organisation may say who is who at which others.
create table linker (
    org         text collate "C" not null references organisation,
    of_org      text collate "C" not null references organisation,
    entered_by  text not null,
    entered_at  timestamptz not null default now(),
    primary key (org, of_org)
);

-- The gateway's own name, under which reviewers decide.
insert into organisation (org, name, registered_by) values ('pathline', 'Pathline', 'operator') on conflict do nothing;

-- What the membership writer has to look at besides link evidence: a token that was shown, an offer that came after it,
-- and what was voided or corrected. `handoff` of an amendment: the one that its replacement names, if any.
create table handoff_input (
    seq      bigint generated always as identity primary key,
    kind     text not null check (kind in ('shown', 'asked', 'amended')),
    handoff  text,
    source   integer not null,
    id       text collate "C" not null
);
create index handoff_input_of_handoff on handoff_input (handoff, kind) where handoff is not null;
create index handoff_input_of_event on handoff_input (source, id) where kind = 'amended';
alter table membership_progress add column handoff_seq bigint not null default 0;

-- Who is who by redeemed hand-offs: derived from the events, as `source` and `id` show them. `late`: another subject had
-- shown the token before.
create table handoff_link (
    handoff      text not null,
    source       integer not null,
    id           text collate "C" not null,
    a            bigint not null,
    b            bigint not null,
    asserted_at  timestamptz not null,
    late         boolean not null,
    primary key (handoff, source, id)
);
create index handoff_link_of_a on handoff_link (a);
create index handoff_link_of_b on handoff_link (b);
create index handoff_link_of_event on handoff_link (source, id);

-- Evidence that does not bind, and bridges that do and are in doubt: what a person has to look at.
create table review_item (
    source  integer not null,
    id      text collate "C" not null,
    a       bigint not null,
    b       bigint not null,
    reason  text not null
        check (reason in ('proposed', 'overruled', 'impossible', 'hub', 'conflict', 'oversize', 'bridge')),
    since   timestamptz not null default now(),
    primary key (source, id)
);
create index review_item_of_a on review_item (a);
create index review_item_of_b on review_item (b);
create index review_item_of_reason on review_item (reason, since);

-- migrate:down
