-- migrate:up

-- A parked record has at most a megabyte. `kept`: all of it; its beginning; or only where it stands, which may be several
-- records of one batch, up to `last_offset`. `size`: bytes of the whole record; `value_size`, `sha256`: of its whole value.
-- Of records that nobody could read, `size` is what the first claims, and `sha256` is of their batch in the log.
alter table parked add column kept text not null default 'whole';
alter table parked add column last_offset bigint;
alter table parked add column size bigint;
alter table parked add column value_size bigint;
alter table parked add column sha256 bytea;

-- Not validated: before this version all were kept whole.
alter table parked add constraint parked_kept
    check (kept in ('whole', 'cut', 'position') and (kept = 'whole') = (size is null)
        and (kept = 'whole') = (sha256 is null) and coalesce(last_offset >= "offset", true)) not valid;

-- migrate:down
