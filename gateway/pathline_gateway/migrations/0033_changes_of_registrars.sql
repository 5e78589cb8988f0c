-- migrate:up

-- Who may register mandates is kept like the other registers: what was entered and taken away, and by whom.
create trigger record_change after insert or update or delete on mandate_registrar
    for each row execute function record_register_change();

-- migrate:down
