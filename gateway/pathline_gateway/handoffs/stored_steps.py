"""The stored steps of a pathway that its hand-offs are told from: only these are looked into."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Final

from pathline_gateway.handoffs.deadlines import is_contact_type
from pathline_gateway.pathways.repository import StoredPathway, StoredStep
from pathline_gateway.pathways.step import Step

_TYPE_PREFIX: Final = "org.pathline.handoff."


def names_handoff(stored: StoredPathway) -> bool:
    """Whether any stored step is about a hand-off."""
    return any(row.handoff is not None for row in stored.rows)


def handoff_steps(stored: StoredPathway) -> list[Step]:
    """The steps that hand-offs are told from."""
    handoff_rows = [row for row in stored.rows if row.handoff is not None]
    return _steps(stored, [row for row in handoff_rows if stored.types[row.type].startswith(_TYPE_PREFIX)])


def contact_steps_of(stored: StoredPathway, orgs: Container[str]) -> list[Step]:
    """The contacts by these organisations, which may end a waiting."""
    contact_types = {n for n, name in stored.types.items() if is_contact_type(name)}
    org_refs = {n for n, (org, _) in stored.refs.items() if org in orgs}
    return (
        _steps(stored, [row for row in stored.rows if row.type in contact_types and row.ref in org_refs])
        if org_refs
        else []
    )


def _steps(stored: StoredPathway, rows: list[StoredStep]) -> list[Step]:
    return replace(stored, rows=rows).steps()
