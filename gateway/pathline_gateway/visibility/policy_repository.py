"""Everything but steps that decides who sees what of a pathway, in one statement: it costs one round trip."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from typing import Any

import asyncpg

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment.repository import CONCEALED_FROM_OTHERS, concealment_from_columns
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.consent_repository import EVENTS_OF_REFS, event_from_row
from pathline_gateway.visibility.lawful_basis import LawfulBasis
from pathline_gateway.visibility.lawful_basis_repository import BASES_OF, basis_from_row
from pathline_gateway.visibility.policy_revisions import PolicyRevisions

# Rows that are not asked for cost nothing: `where` of a constant is looked at before the rows are.
_SELECT_POLICY = f"""
with ref as materialized (
    select id, org, subject, anchor_id, received_at, revision, consent_revision
    from subject_ref where id = any($1::bigint[]) order by id
)
select
    array(select row(id, org, subject, anchor_id, received_at) from ref),
    array(select revision from ref),
    array(select consent_revision from ref),
    (select revision from policy_revision),
    exists (select from ref join set_aside_ref a on a.ref = ref.id),
    array(select row(c.*) from ({EVENTS_OF_REFS}) as c where $2),
    array(select row(b.*) from ({BASES_OF} $3) as b),
    array(select org from mandate_registrar where $4),
    {CONCEALED_FROM_OTHERS}
"""  # noqa: S608 (text of the project alone)


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """What the store says of who may see a pathway, besides its steps."""

    refs: Sequence[StoredRef]
    is_closed: bool
    """Something is set aside that decides who may see it: each is told her own steps alone."""
    consent_rows: Sequence[Sequence[Any]]
    bases: Sequence[LawfulBasis]
    registrars: Set[str]
    concealment: Concealment
    revisions: PolicyRevisions

    def consents(self) -> list[ConsentEvent]:
        """The events of consents, in no order. Raises ValueError where one cannot be read."""
        return [event_from_row(row) for row in self.consent_rows]


async def load_policy(connection: asyncpg.Connection, reader: Reader, numbers: Collection[int]) -> StoredPolicy:
    """What decides of the pathway with these refs for this reader: what no rule asks about is not read."""
    may_see_others = reader.kind == "organisation" and reader.access_purpose.purpose is not None
    basis_reader = reader.org if may_see_others and reader.access_purpose.authority is not None else None
    needs_registrars = Role.HELPER in reader.roles
    return _policy_from_row(
        await connection.fetchrow(_SELECT_POLICY, list(numbers), may_see_others, basis_reader, needs_registrars)
    )


async def load_policy_of_all(connection: asyncpg.Connection, numbers: Collection[int]) -> StoredPolicy:
    """What decides for every reader: consents, but neither lawful bases nor registrars."""
    return _policy_from_row(await connection.fetchrow(_SELECT_POLICY, list(numbers), True, None, False))


def _policy_from_row(row: asyncpg.Record) -> StoredPolicy:
    columns: list[Any] = list(row.values())
    ref_rows, step_revisions, consent_revisions, register_revision, *columns = columns
    is_closed, consent_rows, bases, registrars, *concealment = columns
    refs = [StoredRef(*ref) for ref in ref_rows]
    return StoredPolicy(
        refs,
        is_closed,
        consent_rows,
        [basis_from_row(each) for each in bases],
        frozenset(registrars),
        concealment_from_columns(*concealment),
        PolicyRevisions([ref.id for ref in refs], step_revisions, consent_revisions, register_revision),
    )
