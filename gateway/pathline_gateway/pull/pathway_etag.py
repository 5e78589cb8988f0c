"""The version of a pathway for whoever sees everything: told from what is stored, without reading what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson

from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.amendments import Amendment

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
