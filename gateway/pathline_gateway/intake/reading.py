"""One Kafka record, read: an accepted interaction with what is stored of it, or the reason why it is parked. Pure."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from datetime import UTC
from typing import NamedTuple, Protocol

import orjson

from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline.errors import InvalidData, Refused
from pathline.interaction import Interaction, accept, organisation_of
from pathline.producer import TOPIC_PREFIX
from pathline.vocabulary import InteractionCorrected, InteractionVoided, Payload
from pathline_gateway.intake.steps import is_step

_log = logging.getLogger(__name__)

DOOR_TOPIC = re.compile(re.escape(TOPIC_PREFIX) + r"door-[0-9]+", re.ASCII)
"""Topics that the door alone writes: any organisation's events, since the door has checked whose they are."""

_IN_COLUMNS = frozenset(("specversion", "id", "source", "type", "subject", "sequence"))
# What may differ between two deliveries of the same event: the path it took, not what it says.
_NOT_CONTENT = frozenset(("specversion", "time", "traceparent", "tracestate", "partitionkey", "datacontenttype"))


class Record(Protocol):
    """What is read of a consumed record (aiokafka's ConsumerRecord has it)."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Accepted(NamedTuple):
    """An interaction that keeps its contract, with the digest of its content and the payload as stored."""

    record: Record
    interaction: Interaction[Payload]
    identity: tuple[str, str]
    """Source and id."""
    ref: tuple[str, str]
    """Organisation and subject."""
    step: bool
    """Whether it stands on a pathway; else it is evidence, or concerns nobody."""
    digest: bytes
    payload: bytes


class Parked(NamedTuple):
    """A record that is kept as it came, and why. `detail` never repeats a value."""

    record: Record
    reason: str
    detail: str
    field: str | None = None
    org: str | None = None


def read(record: Record) -> Accepted | Parked:
    """The record as an accepted interaction, or parked; never raises."""
    try:
        return _accepted(record)
    except Refused as refused:
        return Parked(record, refused.reason, refused.detail, refused.field, _organisation_of_topic(record.topic))
    except Exception as failed:  # a fault of ours; its neighbours must not stand still for it
        _log.error("intake: a record could not be read, and is parked: %s", type(failed).__name__)
        detail = f"it could not be read ({type(failed).__name__}): tell those who develop Pathline"
        return Parked(record, "unreadable", detail, None, _organisation_of_topic(record.topic))


def content_digest(interaction: Interaction[Payload]) -> bytes:
    """16 bytes over what the event says; equal for the binary and the structured form of the same event."""
    attributes = {name: value for name, value in interaction.event.text.items() if name not in _NOT_CONTENT}
    offset = interaction.time.utcoffset() if interaction.payload.precision in ("day", "month") else None
    when = interaction.time.astimezone(UTC).isoformat(), str(offset)
    content = orjson.dumps([attributes, when, _json(interaction.event)], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(content, digest_size=16).digest()


def stored_payload(event: CloudEvent) -> bytes:
    """The attributes that have no column of their own, as JSON, a line feed, and the data as sent."""
    extra = {name: value for name, value in event.attributes.items() if name not in _IN_COLUMNS}
    return orjson.dumps(extra) + b"\n" + (event.data or b"null")


def _accepted(record: Record) -> Accepted | Parked:
    interaction = accept(kafka.decode(record.headers, record.value))
    owner = _organisation_of_topic(record.topic)
    if owner is not None and owner != interaction.org:
        return Parked(
            record, "not-your-source", "names another organisation: publish to its own topic", "source", owner
        )
    if (amended := _amended_source(interaction.payload)) and organisation_of(amended) != interaction.org:
        return Parked(
            record, "not-your-interaction", "voids or corrects another organisation's", "data.source", interaction.org
        )
    return Accepted(
        record,
        interaction,
        (interaction.source, interaction.id),
        (interaction.org, interaction.subject),
        is_step(interaction.payload),
        content_digest(interaction),
        stored_payload(interaction.event),
    )


def _amended_source(payload: Payload) -> str | None:
    return payload.source if isinstance(payload, InteractionVoided | InteractionCorrected) else None


def _organisation_of_topic(topic: str) -> str | None:
    return None if DOOR_TOPIC.fullmatch(topic) else topic.removeprefix(TOPIC_PREFIX)


def _json(event: CloudEvent) -> object:
    try:
        return orjson.loads(event.data or b"null")
    except orjson.JSONDecodeError:
        raise InvalidData("is not JSON", field="data") from None
