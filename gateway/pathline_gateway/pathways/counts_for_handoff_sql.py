"""SQL: whether an event counts for its hand-off."""

from __future__ import annotations

from pathline_gateway.reserved_names import CITIZEN_ORGANISATION

# Whether this event counts for its hand-off (`i`, under the record `s`): of a person, where her account stands on the
# pathway on which it was offered. All persons publish as one organisation, and anybody could name anybody's hand-off.
COUNTS_FOR_HANDOFF = f"""
(s.org <> '{CITIZEN_ORGANISATION}' or exists (
    select from interaction o
    join event_type ot on ot.id = o.type and ot.type = 'org.pathline.handoff.offered.v1'
    join subject_ref os on os.id = o.ref and os.org = split_part(i.handoff, ':', 1)
    left join membership om on om.ref = os.id and om.valid_until is null
    left join membership sm on sm.ref = s.id and sm.valid_until is null
    where o.handoff = i.handoff and coalesce(om.pathway, os.anchor_id) = coalesce(sm.pathway, s.anchor_id)
))
"""
