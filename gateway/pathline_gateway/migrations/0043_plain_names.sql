-- squawk-ignore-file renaming-column, renaming-table, renaming-object
-- migrate:up

-- Names that say what they hold: docs/operations/schema-names.md has old and new side by side. Renames touch no row. Gateways of
-- the version before cannot go on beside this schema: all of them stop first.

-- Subjects, and who is who.
alter table subject_ref rename column birth to anchor_id;
alter table subject_ref rename column stepped to has_steps;
alter table link_evidence rename column standing to rank;
alter table link_evidence rename column a to ref_a;
alter table link_evidence rename column b to ref_b;
alter table handoff_link rename column a to ref_a;
alter table handoff_link rename column b to ref_b;
alter table handoff_link rename column late to is_late;
alter table review_item rename column a to ref_a;
alter table review_item rename column b to ref_b;
alter table review_item rename column nr to seq;
alter table membership rename column since to valid_from;
alter table membership rename column until to valid_until;
alter table membership_progress rename column seq to link_evidence_seq;
alter table membership_progress rename column handoff_seq to handoff_input_seq;
alter table link_seen_ahead rename to link_evidence_seen_ahead;
alter table link_component_share rename column links to link_count;
alter table proposal_count rename column n to proposals;
alter table redemption_attempt rename column since to window_start;
alter table redemption_attempt rename column n to attempts;
alter table token_link rename column held_until to publish_lease_until;
alter table token_link rename column made_at to created_at;
alter table link_token rename column link to token_link_id;
alter view seen_evidence rename column standing to rank;
alter view seen_evidence rename column a to ref_a;
alter view seen_evidence rename column b to ref_b;

-- The change log, totals, logs of topics, and what could not be taken in or computed.
alter table change rename to change_log;
alter table change_log rename column at to logged_at;
alter table tally rename to row_counters;
alter table row_counters rename column n to value;
alter table log_anchor rename to log_checkpoint;
alter table expired_records rename column noticed_at to detected_at;
alter table parked rename column at to record_timestamp;
alter table parked rename column kept to stored_extent;
alter table parked rename column tried_at to last_replay_at;
alter table set_aside rename column position to change_seq;
alter table set_aside rename column first_seen to first_seen_at;
alter table set_aside rename column last_tried to last_tried_at;
alter table set_aside_ref rename column item to set_aside_id;

-- Hand-offs.
alter table handoff rename column concealed to is_concealed;
alter table handoff rename column offered to offered_at;
alter table handoff rename column accepted to accepted_at;
alter table handoff rename column first_contact to first_contact_at;
alter table handoff rename column first_service to first_service_at;
alter table handoff rename column heard to receiver_first_active_at;
alter table handoff rename column ended to ended_at;
alter table handoff rename column due_accept to accept_due_at;
alter table handoff rename column due_contact to contact_due_at;
alter table handoff rename column answered_accept to accept_answered_at;
alter table handoff rename column answered_contact to contact_answered_at;
alter table handoff rename column known_accept to accept_due_known_at;
alter table handoff rename column known_contact to contact_due_known_at;
alter table handoff rename column redirects to redirect_count;
alter table handoff rename column anomalies to anomaly_count;
alter table handoff rename column ref to offer_ref;
alter table handoff rename column trace_id to offer_trace_id;
alter table handoff rename column span_id to offer_span_id;
alter view open_handoff rename to unconcealed_handoff;
alter view unconcealed_handoff rename column concealed to is_concealed;
alter view unconcealed_handoff rename column offered to offered_at;
alter view unconcealed_handoff rename column accepted to accepted_at;
alter view unconcealed_handoff rename column first_contact to first_contact_at;
alter view unconcealed_handoff rename column first_service to first_service_at;
alter view unconcealed_handoff rename column heard to receiver_first_active_at;
alter view unconcealed_handoff rename column ended to ended_at;
alter view unconcealed_handoff rename column due_accept to accept_due_at;
alter view unconcealed_handoff rename column due_contact to contact_due_at;
alter view unconcealed_handoff rename column answered_accept to accept_answered_at;
alter view unconcealed_handoff rename column answered_contact to contact_answered_at;
alter view unconcealed_handoff rename column known_accept to accept_due_known_at;
alter view unconcealed_handoff rename column known_contact to contact_due_known_at;
alter view unconcealed_handoff rename column redirects to redirect_count;
alter view unconcealed_handoff rename column anomalies to anomaly_count;
alter view unconcealed_handoff rename column ref to offer_ref;
alter view unconcealed_handoff rename column trace_id to offer_trace_id;
alter view unconcealed_handoff rename column span_id to offer_span_id;
alter view unconcealed_handoff rename column observable to is_observable;
alter table handoff_side rename column due_accept to accept_due_at;
alter table handoff_side rename column due_contact to contact_due_at;
alter table handoff_side rename column answered_accept to accept_answered_at;
alter table handoff_side rename column answered_contact to contact_answered_at;
alter table handoff_side rename column known_accept to accept_due_known_at;
alter table handoff_side rename column known_contact to contact_due_known_at;
alter table handoff_side rename column ref to offer_ref;
alter table handoff_notice rename column due to due_at;
alter table handoff_notice rename column answered to answered_at;
alter table handoff_notice rename column open to is_open;
alter table handoff_notice rename column ref to offer_ref;
alter table handoff_untold rename to handoff_telemetry_pending;
alter table handoff_told rename to handoff_telemetry_sent;
alter table handoff_telemetry_sent rename column ended to ended_at;
alter table handoff_to_judge rename to handoff_side_pending;
alter table handoff_progress rename column seq to change_seq;
alter table released_handoff rename column offered to offered_at;
alter table released_handoff rename column accepted to accepted_at;
alter table released_handoff rename column first_contact to first_contact_at;
alter table released_handoff rename column first_service to first_service_at;
alter table released_handoff rename column heard to receiver_first_active_at;
alter table released_handoff rename column ended to ended_at;
alter table released_handoff rename column completed to is_completed;
alter table released_handoff rename column until to observed_until;

-- Subscriptions and what they are given.
alter table subscription rename column operator to is_operator;
alter table subscription rename column paused to is_paused;
alter table subscription rename column from_seq to start_seq;
alter table subscription rename column changed to changed_in_version;
alter table subscription rename column forgotten_to to pruned_through;
alter table subscription_version rename column n to version;
alter table subscription_event rename to delivery;
alter table delivery rename column given_at to delivered_at;
alter view given_on_pathway rename to delivery_with_pathway;
alter view delivery_with_pathway rename column given_at to delivered_at;
alter table subscription_asked rename to subscription_last_poll;
alter table subscription_last_poll rename column number to polled_through;
alter table subscription_last_poll rename column asked_at to polled_at;
alter table replay rename column of to parent_subscription;
alter table replay rename column looked_to to scanned_through;
alter table replay rename column after_number to skip_through_number;
alter table dispatch_progress rename column seq to change_seq;
alter table dispatch_held rename column seq to change_seq;
alter table dispatch_held rename column evidence_seq to link_evidence_seq;
alter table dispatch_held rename column handoff_seq to handoff_input_seq;
alter table delivery_owed rename to delivery_pending;
alter table delivery_pending rename column notice to is_notice;
alter table delivery_pending rename column nth to seq;
alter table delivery_withheld rename to delivery_marker;

-- Webhooks, and what happens only so often.
alter table webhook_sink rename column allowed_rate to max_requests_per_minute;
alter table webhook_sink rename column read_to to acked_through;
alter table webhook_sink rename column seen to last_seen_number;
alter table webhook_sink rename column due_at to wake_at;
alter table webhook_sink rename column failed_in_row to consecutive_failures;
alter table webhook_sink rename column stopped to stop_reason;
alter table webhook_sink rename column changed to revision;
alter table webhook_sink rename column held_by to leased_by;
alter table webhook_sink rename column held_until to lease_until;
alter table webhook_sink rename column lost to pruned_undelivered;
alter table webhook_secret rename column made_at to created_at;
alter table webhook_secret rename column ends_at to expires_at;
alter table webhook_held rename to webhook_retry;
alter table webhook_retry rename column next_at to next_attempt_at;
alter table webhook_failed rename to webhook_dead_letter;
alter table pace rename to rate_limit;
alter table rate_limit rename column what to key_digest;
alter table rate_limit rename column next_at to next_allowed_at;
alter table sink_turn rename column what to key_digest;

-- The access log and sessions.
alter table access rename column at to accessed_at;
alter table access rename column what to action;
alter table access rename column who to actor_digest;
alter table access rename column about to action_target;
alter table access rename column quiet to is_hidden_from_person;
alter table access rename column caller_trace to caller_trace_id;
alter table ended_session rename column key to token_digest;
alter table ended_session rename column until to expires_at;

-- Indexes, constraints and sequences that are named after a column.
alter index subject_ref_birth_key rename to subject_ref_anchor_id_key;
alter index link_evidence_of_a rename to link_evidence_of_ref_a;
alter index link_evidence_of_b rename to link_evidence_of_ref_b;
alter table link_evidence rename constraint link_evidence_a_fkey to link_evidence_ref_a_fkey;
alter table link_evidence rename constraint link_evidence_b_fkey to link_evidence_ref_b_fkey;
alter table link_evidence rename constraint link_evidence_standing to link_evidence_rank;
alter index handoff_link_of_a rename to handoff_link_of_ref_a;
alter index handoff_link_of_b rename to handoff_link_of_ref_b;
alter index review_item_of_a rename to review_item_of_ref_a;
alter index review_item_of_b rename to review_item_of_ref_b;
alter sequence review_item_nr_seq rename to review_item_seq_seq;
alter index handoff_of_ref rename to handoff_of_offer_ref;
alter table parked rename constraint parked_kept to parked_stored_extent;
alter table set_aside_ref rename constraint set_aside_ref_item_fkey to set_aside_ref_set_aside_id_fkey;
alter table replay rename constraint replay_of_fkey to replay_parent_subscription_fkey;
alter index replay_of_series_key rename to replay_parent_subscription_series_key;
alter sequence delivery_owed_nth_seq rename to delivery_pending_seq_seq;
alter table webhook_sink rename constraint webhook_sink_allowed_rate_check to webhook_sink_max_requests_per_minute_check;
alter table webhook_sink rename constraint webhook_sink_stopped_check to webhook_sink_stop_reason_check;
alter index webhook_sink_held rename to webhook_sink_leased;
alter table sink_turn rename constraint sink_turn_what_fkey to sink_turn_key_digest_fkey;
alter table access rename constraint access_what_check to access_action_check;
alter table access rename constraint access_caller_trace_check to access_caller_trace_id_check;

-- Those that are named after a table; and `not null`, which is a constraint with a name from Postgres 18 on.
do $$
declare
    renamed text[][] := array[
        ['link_seen_ahead', 'link_evidence_seen_ahead'], ['change', 'change_log'], ['tally', 'row_counters'],
        ['log_anchor', 'log_checkpoint'], ['handoff_untold', 'handoff_telemetry_pending'],
        ['handoff_told', 'handoff_telemetry_sent'], ['handoff_to_judge', 'handoff_side_pending'],
        ['subscription_event', 'delivery'], ['subscription_asked', 'subscription_last_poll'],
        ['delivery_owed', 'delivery_pending'], ['delivery_withheld', 'delivery_marker'],
        ['webhook_held', 'webhook_retry'], ['webhook_failed', 'webhook_dead_letter'], ['pace', 'rate_limit']
    ];
    each record;
    i integer;
begin
    for i in 1 .. array_length(renamed, 1) loop
        for each in
            select c.conname as name from pg_constraint c
            where c.conrelid = renamed[i][2]::regclass and c.contype <> 'n' and starts_with(c.conname, renamed[i][1] || '_')
        loop
            execute format('alter table %I rename constraint %I to %I', renamed[i][2], each.name,
                renamed[i][2] || substr(each.name, length(renamed[i][1]) + 1));
        end loop;
        for each in
            select x.indexrelid::regclass::text as name from pg_index x join pg_class k on k.oid = x.indexrelid
            where x.indrelid = renamed[i][2]::regclass and starts_with(k.relname, renamed[i][1] || '_')
        loop
            execute format('alter index %I rename to %I', each.name,
                renamed[i][2] || substr(each.name, length(renamed[i][1]) + 1));
        end loop;
    end loop;
    for each in
        select c.conrelid::regclass as of, c.conname as before, k.relname || '_' || a.attname || '_not_null' as after
        from pg_constraint c
        join pg_class k on k.oid = c.conrelid and k.relnamespace = 'public'::regnamespace and k.relkind in ('r', 'p')
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
        where c.contype = 'n' and c.conislocal and c.coninhcount = 0
            and c.conname <> k.relname || '_' || a.attname || '_not_null'
            and length(k.relname || '_' || a.attname || '_not_null') < 64
    loop
        execute format('alter table %s rename constraint %I to %I', each.of, each.before, each.after);
    end loop;
end $$;
alter sequence change_seq_seq rename to change_log_seq_seq;

-- What is written in functions is text to Postgres, and follows no rename.
create or replace function subscription_changed() returns trigger language plpgsql as $$
begin
    update subscription_version set version = version + 1;
    return null;
end $$;

create or replace function subscription_version_set() returns trigger language plpgsql as $$
begin
    update subscription_version set version = version + 1 returning version into new.changed_in_version;
    return new;
end $$;

create or replace function refuse_change_of_log() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and tg_table_name = 'access' then
        if old.accessed_at < now() - interval '2562 days' then
            return old;
        end if;
    end if;
    raise exception '% can only be added to', tg_table_name using errcode = 'insufficient_privilege';
end $$;

create or replace function forget_old_accesses() returns void
language sql security definer set search_path = public, pg_temp as $$
    delete from access where accessed_at < now() - interval '2562 days';
$$;

create or replace function handoffs_with(of text, known_as text) returns setof text language sql stable as $$
    with known as (
        select s.id from subject_ref s where s.org = of and (known_as is null or s.subject = known_as)
    )
    select h.handoff from handoff h where known_as is null and h.sender = of
    union
    select h.handoff from handoff h where known_as is null and h.receiver = of
    union
    select v.handoff from handoff_side v where known_as is null and v.receiver = of
    union
    select i.handoff from known k cross join lateral (
        select i.handoff from interaction i where i.ref = k.id and i.handoff is not null offset 0
    ) i
    union
    select h.handoff from known k
    join membership m on m.ref = k.id and m.valid_until is null
    join membership o on o.pathway = m.pathway and o.valid_until is null
    join handoff h on h.offer_ref = o.ref
$$;

-- 1886126088 is HANDOFF_PROJECTION of postgres/advisory_locks.py.
create or replace function judge_handoffs_again() returns trigger language plpgsql as $$
declare
    changed jsonb := to_jsonb(coalesce(new, old));
begin
    perform pg_advisory_xact_lock(1886126088);
    insert into handoff_side_pending
    select handoffs_with(changed ->> 'org', changed ->> 'subject') on conflict do nothing;
    return null;
end $$;
alter function judge_handoffs_again() rename to queue_handoff_sides;
alter trigger judge_handoffs_again_after_insert on organisation rename to queue_handoff_sides_after_insert;
alter trigger judge_handoffs_again_after_update on organisation rename to queue_handoff_sides_after_update;
alter trigger judge_handoffs_again on concealed_service rename to queue_handoff_sides;
alter trigger judge_handoffs_again on concealed_ref rename to queue_handoff_sides;

-- Each ref with the pathway that it is on now: a ref without a current membership is a pathway of its own.
create view ref_pathway as
select s.id as ref, s.org, s.subject, s.anchor_id, s.has_steps, coalesce(m.pathway, s.anchor_id) as pathway
from subject_ref s
left join membership m on m.ref = s.id and m.valid_until is null;

-- Evidence of who is who, as published or as hand-offs show it, without what was retracted: by the organisation that
-- asserted it, or by a person who reviews. The membership writer reads `seen_evidence` instead: only what it has seen.
create view live_evidence as
select e.seq, e.source, e.id, e.kind, e.ref_a, e.ref_b, e.method, e.confidence, e.asserted_at, e.received_at, e.rank,
    e.handoff, s.source as source_name, s.org as asserter
from (
    select l.seq, l.source, l.id, l.kind, l.ref_a, l.ref_b, l.method, l.confidence, l.asserted_at, l.received_at,
        l.rank, null::text as handoff
    from link_evidence l where l.kind <> 'retracted'
    union all
    select null, h.source, h.id, 'same', h.ref_a, h.ref_b, 'handoff', 1::real, h.asserted_at, null,
        case when h.is_late then 5 else 2 end::smallint, h.handoff
    from handoff_link h
) e
join source s on s.id = e.source
where not exists (
    -- By the index of targets: a retraction's source is looked up, not joined.
    select from link_evidence t
    where t.kind = 'retracted' and t.target_source = e.source and t.target_id = e.id
        and (select ts.org from source ts where ts.id = t.source) in (s.org, 'pathline')
);

-- migrate:down
