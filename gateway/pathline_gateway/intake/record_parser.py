"""One Kafka record, read: an accepted interaction with what is stored of it, or the reason why it is parked."""

from __future__ import annotations

import logging
import re
from functools import lru_cache

from pathline.codec import kafka
from pathline.errors import Refused
from pathline.interaction import Interaction, accept, organisation_of
from pathline.producer import TOPIC_PREFIX
from pathline.vocabulary import InteractionCorrected, InteractionVoided, Payload
from pathline_gateway.intake import content_digest as content
from pathline_gateway.intake.content_digest import DigestedContent
from pathline_gateway.intake.event_classes import is_step
from pathline_gateway.intake.fast_path_parser import parse_fast_path
from pathline_gateway.intake.payload_columns import extract_columns, needs_payload
from pathline_gateway.intake.record import Accepted, KafkaRecord, Parked
from pathline_gateway.kafka.fetch.records import CutRecord, UnreadRecords
from pathline_gateway.log_cause import because
from pathline_gateway.reserved_names import OWN_ORGANISATION
from pathline_gateway.telemetry.instruments import parse_traceparent

_log = logging.getLogger(__name__)

DOOR_TOPIC_PATTERN = re.compile(re.escape(TOPIC_PREFIX) + r"door-[0-9]+", re.ASCII)
"""Topics that the door alone writes: any organisation's events, since the door has checked whose they are."""


def parse_record(record: KafkaRecord) -> Accepted | Parked:
    """The record as an accepted interaction, or parked; never raises."""
    owner = topic_owner(record.topic)
    if isinstance(record, CutRecord | UnreadRecords):
        return Parked(record, record.reason, record.detail, None, owner)
    return parse_fast_path(record, owner) or parse_strict(record, owner)


def parse_strict(record: KafkaRecord, owner: str | None) -> Accepted | Parked:
    """The same for any record, by the contracts' own rules, which say what is wrong."""
    try:
        return _accept_record(record, owner)
    except Refused as error:
        return Parked(record, error.reason, error.detail, error.field, owner)
    except Exception as error:  # a fault of ours; its neighbours must not stand still for it
        _log.error("a record could not be read, and is parked: %s", type(error).__name__, extra=because(error))
        detail = f"it could not be read ({type(error).__name__}): tell those who develop Pathline"
        return Parked(record, "unreadable", detail, None, owner)


def compute_content_digest(interaction: Interaction[Payload]) -> bytes:
    """16 bytes over the event as it was sent. Raises InvalidData when its data is not JSON."""
    event = interaction.event
    content.require_json(event.data)
    return content.compute_digest(event.text, event.data)


def build_digested_content(interaction: Interaction[Payload]) -> DigestedContent:
    """What the event says, as it is kept."""
    event = interaction.event
    return DigestedContent(
        interaction.type,
        interaction.subject,
        interaction.sequence,
        content.serialize_content(event.attributes, event.data),
    )


@lru_cache(maxsize=1024)
def topic_owner(topic: str) -> str | None:
    """The organisation that alone may write to this topic; None for the door's own."""
    return None if DOOR_TOPIC_PATTERN.fullmatch(topic) else topic.removeprefix(TOPIC_PREFIX)


def _accept_record(record: KafkaRecord, owner: str | None) -> Accepted | Parked:
    interaction = accept(kafka.decode(record.headers, record.value))
    if owner is not None and (owner != interaction.org or owner == OWN_ORGANISATION):
        return Parked(
            record, "not-your-source", "names another organisation: publish to its own topic", "source", owner
        )
    if (amended_source := _amended_source(interaction.payload)) and organisation_of(amended_source) != interaction.org:
        return Parked(
            record, "not-your-interaction", "voids or corrects another organisation's", "data.source", interaction.org
        )
    return Accepted(
        record,
        (interaction.source, interaction.id),
        (interaction.org, interaction.subject),
        is_step(interaction.payload),
        interaction.type,
        interaction.time,
        interaction.recordedtime,
        interaction.sequence,
        parse_traceparent(interaction.event.attributes.get("traceparent")),
        extract_columns(interaction.payload),
        interaction.payload if needs_payload(type(interaction.payload)) else None,
        compute_content_digest(interaction),
        content.serialize_content(interaction.event.attributes, interaction.event.data),
    )


def _amended_source(payload: Payload) -> str | None:
    return payload.source if isinstance(payload, InteractionVoided | InteractionCorrected) else None
