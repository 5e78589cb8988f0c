-- migrate:up

-- Organisations that conceal by default, such as refuges: what they know of anybody is there for themselves alone.
alter table organisation add column conceals boolean not null default false;

create table concealed_service (
    org         text collate "C" not null references organisation,
    service     text not null check (service ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(service) <= 64),
    entered_by  text not null,
    entered_at  timestamptz not null default now(),
    primary key (org, service)
);

-- By organisation and subject: the ref itself may be still to come.
create table concealed_ref (
    org         text collate "C" not null references organisation,
    subject     text collate "C" not null,
    entered_by  text not null,
    entered_at  timestamptz not null default now(),
    primary key (org, subject)
);

-- What an organisation may be shown without consent, as an operator has entered it.
create table lawful_basis (
    id          bigint generated always as identity primary key,
    reader      text collate "C" not null references organisation,
    basis       text not null check (basis in ('law', 'serious-threat', 'mandate')),
    instrument  text not null check (length(instrument) between 1 and 2000),
    purpose     text not null,
    holders     text[] not null default '{}',
    nouns       text[] not null check (cardinality(nouns) > 0),
    until       timestamptz,
    entered_by  text not null,
    entered_at  timestamptz not null default now()
);
create index lawful_basis_of_reader on lawful_basis (reader);

-- The consents of one person are looked for whenever somebody reads her pathway. Intake waits while it is built: what
-- is no step is little beside the rest.
-- squawk-ignore require-concurrent-index-creation
create index evidence_of_subject on evidence (subject);

-- The organisation whose subjects are the accounts of persons: what they do comes in as its events.
insert into organisation (org, name, sector, registered_by) values ('citizen', 'Citizens', 'citizen', 'operator')
on conflict do nothing;

-- migrate:down
