"""Pathline for agencies: typed interactions between citizens and services, as CloudEvents.

from pathline import Pseudonyms, interaction, publish
from pathline.vocabulary import NeedExpressed

A name is imported when it is first used: the vocabulary takes half a second, and `pathline --help` needs none of it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathline.cloudevent import CloudEvent
    from pathline.errors import PathlineError, Refused
    from pathline.interaction import Interaction, accept, interaction
    from pathline.producer import Producer, publish, topic_of
    from pathline.pseudonym import Pseudonyms

__all__ = [
    "CloudEvent",
    "Interaction",
    "PathlineError",
    "Producer",
    "Pseudonyms",
    "Refused",
    "accept",
    "interaction",
    "publish",
    "topic_of",
]

_MODULE_OF = {
    "CloudEvent": "cloudevent",
    "Interaction": "interaction",
    "PathlineError": "errors",
    "Producer": "producer",
    "Pseudonyms": "pseudonym",
    "Refused": "errors",
    "accept": "interaction",
    "publish": "producer",
    "topic_of": "producer",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """`pathline.interaction` is the function. Importing the module of that name would otherwise put itself there."""

    @property
    def interaction(self) -> Any:
        """The function that makes an interaction."""
        return import_module("pathline.interaction").interaction

    @interaction.setter
    def interaction(self, _: ModuleType) -> None:
        pass


sys.modules[__name__].__class__ = _Package
