-- migrate:up

-- Moves with whatever operators enter that decides who may see: what is kept of an answer counts no longer then. Triggers
-- move it, so that no statement can be forgotten.
create table policy_revision (
    only_row  boolean primary key default true check (only_row),
    revision  bigint not null default 0
);
insert into policy_revision default values;

create function move_policy_revision() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update policy_revision set revision = revision + 1;
    return null;
end $$;

create trigger concealed_service_moves_policy after insert or update or delete or truncate on concealed_service
    for each statement execute function move_policy_revision();
create trigger concealed_ref_moves_policy after insert or update or delete or truncate on concealed_ref
    for each statement execute function move_policy_revision();
create trigger lawful_basis_moves_policy after insert or update or delete or truncate on lawful_basis
    for each statement execute function move_policy_revision();
create trigger mandate_registrar_moves_policy after insert or update or delete or truncate on mandate_registrar
    for each statement execute function move_policy_revision();
-- Intake enters organisations at their first event: that alone moves nothing.
create trigger organisation_moves_policy after update of conceals or delete or truncate on organisation
    for each statement execute function move_policy_revision();
create trigger new_organisation_moves_policy after insert on organisation
    for each row when (new.conceals) execute function move_policy_revision();

-- Moves with each event of a consent under a ref. It is no step: a reader who needs no consent is told nothing new by it.
alter table subject_ref add column consent_revision bigint not null default 0;

-- migrate:down
