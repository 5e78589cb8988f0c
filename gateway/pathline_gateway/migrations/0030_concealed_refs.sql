-- migrate:up

-- Whether nobody but its own organisation may know of this ref; the same for an organisation. One rule for every list.
create function org_is_concealed(of text) returns boolean language sql stable parallel safe as $$
    select exists (select from organisation o where o.org = of and o.conceals)
$$;
create function ref_is_concealed(of text, known_as text) returns boolean language sql stable parallel safe as $$
    select org_is_concealed(of)
        or exists (select from concealed_ref c where c.org = of and c.subject = known_as)
$$;

-- migrate:down
