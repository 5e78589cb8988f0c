"""What publishers mean who use names of their own: each such name is kept as what it stands for.

A reader says a name back as she says any id. Only her own names count: those of the organisation that publishes, or
of the account. Any other text, another reader's name too, is an id like any other. The digest is of what was sent, so
that a repeat is a repeat. Its publisher is shown what she sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import asyncpg
import orjson
from pydantic import ValidationError

from pathline.errors import Refused
from pathline.interaction import check_handoff
from pathline.vocabulary import TYPES
from pathline_gateway.intake.record import Accepted
from pathline_gateway.pathways.named_values import NamedValue, rename_values
from pathline_gateway.pathways.stored_bytes import split_payload, with_meant_data
from pathline_gateway.postgres.instance_secrets import load_instance_secret
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION
from pathline_gateway.visibility.name_lookup import SaidName, find_meanings, may_be_name
from pathline_gateway.visibility.pairwise_ids import NAME_PREFIX

_PREFIX: Final = NAME_PREFIX.encode()
_ESCAPE: Final = b"\\u"
"""May spell anything, also a name."""
_PERSON: Final = re.compile(rb'"v[0-9]{4}\.')


async def resolve_names(connection: asyncpg.Connection, accepted: Sequence[Accepted]) -> list[Accepted]:
    """The same events; those that use names of their publisher's with what these stand for.

    One statement for all of them, as `find_meanings` says. It runs where something looks like a name.
    """
    candidates = {n: data for n, each in enumerate(accepted) if (data := _read_data(each)) is not None}
    said = {n: list(_list_said(accepted[n], data)) for n, data in candidates.items()}
    all_said = list(dict.fromkeys(each for values in said.values() for each in values))
    if not all_said:
        return list(accepted)
    secret = await load_instance_secret(connection, "identifiers")
    meanings = await find_meanings(connection, secret, all_said)
    return [
        _with_meanings(each, candidates[n], meanings) if any(value in meanings for value in said.get(n, ())) else each
        for n, each in enumerate(accepted)
    ]


def _read_data(accepted: Accepted) -> dict[str, object] | None:
    """The data of an event in which a name may stand: of nearly every other nothing is read."""
    stored = accepted.stored_bytes
    if not (_PREFIX in stored or _ESCAPE in stored or _PERSON.search(stored)):
        return None
    data = orjson.loads(split_payload(stored).data)
    return data if isinstance(data, dict) else None


def _list_said(accepted: Accepted, data: dict[str, object]) -> Iterator[SaidName]:
    values: list[NamedValue] = []

    def collect(value: NamedValue) -> NamedValue:
        values.append(value)
        return value

    rename_values(accepted.type, data, accepted.ref[0], collect)
    reader = _reader_name(accepted)
    return (SaidName(reader, value) for value in values if may_be_name(value))


def _reader_name(accepted: Accepted) -> str:
    """As whom the publisher is told names: see `Reader.name`."""
    org, subject = accepted.ref
    return f"person:{subject}" if org == CITIZEN_ORGANISATION else f"organisation:{org}"


def _with_meanings(accepted: Accepted, data: Mapping[str, object], meanings: Mapping[SaidName, NamedValue]) -> Accepted:
    """The event with what it means; as it is, where that would break its contract."""
    reader = _reader_name(accepted)
    meant_data = orjson.dumps(
        rename_values(accepted.type, data, accepted.ref[0], lambda value: meanings.get(SaidName(reader, value), value))
    )
    try:
        payload = TYPES[accepted.type].model_validate_json(meant_data)
        check_handoff(payload, accepted.ref[0])
    except (ValidationError, Refused):
        return accepted
    return accepted._replace(
        columns=accepted.columns._replace(handoff=payload.handoff),
        payload=None if accepted.payload is None else payload,
        stored_bytes=with_meant_data(accepted.stored_bytes, meant_data),
    )
