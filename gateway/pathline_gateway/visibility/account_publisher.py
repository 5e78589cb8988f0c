"""Publishes what a person says of her consents and mandates, as an event of her own account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from pathline.interaction import Interaction
from pathline.vocabulary import Payload
from pathline_gateway.web.context import service


@dataclass(frozen=True)
class AccountPublisher:
    """Publishes for people's own accounts."""

    publish: Callable[[Interaction[Payload]], Awaitable[None]]
    """Writes an event of the gateway's own making; what is read afterwards knows of it."""


OwnPublisher = Annotated[AccountPublisher, Depends(service(AccountPublisher))]
