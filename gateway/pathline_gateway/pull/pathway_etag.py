"""The version of a pathway for whoever sees everything: told from its refs, whatever stands under them."""

from __future__ import annotations

import hashlib

import orjson

from pathline_gateway.pathways import repository as pathway_repository

NO_HANDOFFS = b"[]"


def compute_version(members: pathway_repository.PathwayMembers, handoffs: bytes = NO_HANDOFFS) -> str:
    """Changes exactly when a read may answer something else.

    A revision moves with each step and amendment, and with what is published about its hand-offs on other pathways.
    Hand-offs change besides when an instant passes by which an answer was due, or their receiver is registered.
    """
    identity = orjson.dumps((str(members.pathway), members.refs, members.revisions))
    return hashlib.blake2b(identity + handoffs, digest_size=12).hexdigest()
