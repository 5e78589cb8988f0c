"""How topics, groups and producers of subscriptions are called, and which readers may be named. Pure."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from pathline.personal_numbers import classify_number
from pathline_gateway.reserved_names import is_reserved

TOPIC_PREFIX: Final = "pathline.out."
_POSITION_PREFIX: Final = "pathline.position."
_READER_SUFFIX: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_MAX_READER_LENGTH: Final = 128


class WrongPrincipal(ValueError):
    """The principal may not be named; the message says why, and repeats no name."""


def topic_name(subscription: UUID) -> str:
    """The topic of a subscription, and of its replays. It names nobody. Readers' consumer group has the same name."""
    return f"{TOPIC_PREFIX}{subscription}"


def position_group(series: UUID) -> str:
    """The group under which the gateway keeps how far it has written: no reader may commit there."""
    return f"{_POSITION_PREFIX}{series}"


def transactional_id(series: UUID) -> str:
    """Whoever begins to write under this id fences everybody who did before."""
    return f"{TOPIC_PREFIX}{series}"


def check_reader(org: str, name: str, gateway_user: str | None) -> str:
    """The reader's name at the broker: the organisation's own, or that and a word after a dot. Raises WrongPrincipal.

    No organisation has a dot in its name, so nobody can name another's reader: `food` has `food.app`, not `food-bank`.
    """
    begins, dot, suffix = name.partition(".")
    if begins != org or (dot and _READER_SUFFIX.fullmatch(suffix) is None) or len(name) > _MAX_READER_LENGTH:
        raise WrongPrincipal(
            "must be the name of the organisation, or that, a dot and lower-case words with hyphens between"
        )
    if name == gateway_user or is_reserved(name):
        raise WrongPrincipal("is a name of the gateway itself")
    if classify_number(suffix) is not None:
        raise WrongPrincipal("looks like a number of a person")
    return name
