"""A pathway as it is served, and its version: one shape for every reader."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import orjson

from pathline import instant
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.amendments import Amendment
from pathline_gateway.pathways.assembly import Pathway
from pathline_gateway.pathways.step import Step

NO_HANDOFFS = b"[]"


def compute_version(
    members: pathway_repository.PathwayMembers,
    stored: pathway_repository.StoredPathway,
    amendments: Iterable[Amendment] = (),
    handoffs: bytes = NO_HANDOFFS,
) -> str:
    """Changes exactly when a read may answer something else.

    What is stored is never rewritten, so which interactions and amendments there are says what they say. Hand-offs
    change with what is published on other pathways, and when an instant passes by which an answer was due.
    """
    steps = [row[: pathway_repository.IDENTITY_COLUMNS] for row in stored.rows]
    amendment_ids = sorted((each.source, each.id) for each in amendments)
    identity = orjson.dumps((str(members.pathway), members.refs, steps, amendment_ids))
    return hashlib.blake2b(identity + handoffs, digest_size=12).hexdigest()


def serve_pathway(
    members: pathway_repository.PathwayMembers, version: str, pathway: Pathway, handoffs: Sequence[object] = ()
) -> dict[str, object]:
    """The pathway as it is served."""
    return {
        "pathway": str(members.pathway),
        "version": version,
        "subjects": [{"org": org, "subject": subject} for org, subject in members.refs],
        "legs": [{"org": org, "service": service} for org, service in pathway.legs],
        "steps": [serve_step(step) for step in pathway.steps],
        "handoffs": handoffs,
        "facts": [],
    }


def serve_step(step: Step) -> dict[str, object]:
    """A step as it is served; its data as it was sent."""
    return {
        "source": step.source,
        "id": step.id,
        "type": step.type,
        "time": instant.to_text(step.time),
        "recordedtime": None if step.recordedtime is None else instant.to_text(step.recordedtime),
        "org": step.org,
        "service": step.service,
        "channel": step.channel,
        "activity": step.activity,
        "initiator": step.initiator,
        "actor": step.actor,
        "sequence": step.sequence,
        "subject": step.subject,
        "attributes": orjson.Fragment(step.extra),
        "data": orjson.Fragment(step.data),
    }
