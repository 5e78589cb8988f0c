"""The reference services by code, and the register entries that they would ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final, Protocol

from faststream import FastStream

from pathline import Interaction, Producer, Pseudonyms
from pathline.vocabulary import Payload
from pathline_services import citizen, desk, employment, food_bank, hospital, housing, income_support, money_help


class Reference(Protocol):
    """What each service file holds."""

    @property
    def ORG(self) -> desk.Organisation: ...  # noqa: N802 (a module's constant)

    @property
    def PSEUDONYMS(self) -> Pseudonyms: ...  # noqa: N802

    @property
    def VISIT(self) -> type[desk.Visit]: ...  # noqa: N802

    def interactions(self, visit: Any) -> list[Interaction[Payload]]:
        """What a visit means to everybody else, ready to publish."""
        ...

    def app(self, kafka: str, out: Producer) -> FastStream:
        """The service at work."""
        ...


_SERVICE_MODULES: Final[tuple[Reference, ...]] = (
    citizen,
    employment,
    food_bank,
    hospital,
    housing,
    income_support,
    money_help,
)

SERVICES: Final[Mapping[str, Reference]] = MappingProxyType({file.ORG.code: file for file in _SERVICE_MODULES})
"""Every reference service by the code of its organisation; `citizen` is what people do from their own accounts."""


def subject(org: str, person: str) -> str:
    """The pseudonym under which this organisation publishes the person whom it knows by this number."""
    return SERVICES[org].PSEUDONYMS.subject(person)


def register_entries() -> list[dict[str, Any]]:
    """The register entries, as JSON values."""
    return [asdict(service.ORG) for service in SERVICES.values()]
