"""What readers mean by the names that they were told: the one way back, wherever a name is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from pathline.errors import Refused
from pathline.interaction import organisation_of
from pathline_gateway.pathways.named_values import NamedValue
from pathline_gateway.visibility.name_identities import NAMED_EPOCHS, EventIdentity, name_digest, split_pseudonym
from pathline_gateway.visibility.name_repository import find_named
from pathline_gateway.visibility.pairwise_ids import NAME_PREFIX, ReaderKey


class SaidName(NamedTuple):
    """A value that may be a name, as this reader says it."""

    reader: str
    """Her name, with which names are keyed: see `Reader.name`."""
    value: NamedValue


async def find_meaning(connection: asyncpg.Connection, secret: bytes, said: SaidName) -> NamedValue:
    """What she means; the value as it is, where it is no name of hers."""
    if not may_be_name(said.value):
        return said.value
    return (await find_meanings(connection, secret, [said])).get(said, said.value)


async def find_meanings(
    connection: asyncpg.Connection, secret: bytes, all_said: Sequence[SaidName]
) -> dict[SaidName, NamedValue]:
    """What these mean; those that are no names of who says them are left out.

    One statement for all of them, whatever they are worth. So the work tells nobody whether what she tries is a name.
    """
    keys = {reader: ReaderKey(secret, reader) for reader in {each.reader for each in all_said}}
    handoffs = {each: _handoff_digest(keys[each.reader], each) for each in all_said if each.value.kind == "handoff"}
    events = {each: _event_identity(keys[each.reader], each) for each in all_said if each.value.kind == "event"}
    people = {each: _person(keys[each.reader], each) for each in all_said if each.value.kind == "subject"}
    found_handoffs, found_events, found_people = await find_named(
        connection, list(handoffs.values()), list(events.values()), list(people.values())
    )
    found: dict[SaidName, NamedValue | None] = {each: found_handoffs.get(digest) for each, digest in handoffs.items()}
    found |= {each: found_events.get(identity) for each, identity in events.items()}
    found |= {each: found_people.get(person) for each, person in people.items()}
    return {each: meaning for each, meaning in found.items() if meaning is not None and _fits(each.value, meaning)}


def may_be_name(value: NamedValue) -> bool:
    """Whether it looks like a name; a pseudonym of its organisation's own may, too."""
    if value.kind != "subject":
        return value.id.startswith(NAME_PREFIX)
    try:
        return split_pseudonym(value.id)[0] in NAMED_EPOCHS
    except ValueError:
        return False


# What is no name of hers is looked up all the same, under an identity that nothing has: it costs as much.


def _handoff_digest(key: ReaderKey, said: SaidName) -> bytes:
    digest = key.read_handoff_name(said.value.id)
    return name_digest("") if digest is None else digest


def _event_identity(key: ReaderKey, said: SaidName) -> EventIdentity:
    identity = key.read_event_name(said.value.id)
    return EventIdentity.of_nothing() if identity is None else identity


def _person(key: ReaderKey, said: SaidName) -> tuple[str, str]:
    return said.value.within, key.read_subject_name(said.value.within, said.value.id) or ""


def _fits(said: NamedValue, meaning: NamedValue) -> bool:
    """Whether an event's name is said with a source of the organisation that it was told with."""
    if said.kind != "event":
        return True
    try:
        return organisation_of(said.within) == organisation_of(meaning.within)
    except Refused:
        return False
