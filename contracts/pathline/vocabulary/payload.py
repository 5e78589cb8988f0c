"""What every interaction carries, and the register of all kinds of them."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from pathline.vocabulary.bounded_lists import Several
from pathline.vocabulary.codes import (
    Actor,
    Channel,
    Horizon,
    Initiator,
    NeedCode,
    Participation,
    Phase,
    Precision,
    Safety,
)
from pathline.vocabulary.construction import ExplainedConstruction
from pathline.vocabulary.identifiers import Code, HandoffId, Identifier
from pathline.vocabulary.shapes import About, Authority, Effort
from pathline.vocabulary.strict_model import StrictModel

_DISPLAY_NOUNS: Final = {"handoff": "hand-off", "coproduction": "co-production"}
"""Nouns whose plain English is not their code."""


NOUNS_WITHOUT_STEPS: Final = frozenset(("identity", "consent", "interaction", "offer", "change"))
"""Evidence about identity, consent and other interactions, and what concerns nobody: none of it is ever a step."""


class Payload(StrictModel, metaclass=ExplainedConstruction):
    """An interaction between a person and a service has happened.

    A noun is `class _Need(Payload, noun="need")`; its verbs are `class NeedMet(_Need, verb="met")`.
    In an optional field, null says the same as absence.
    """

    type: ClassVar[str]
    """The CloudEvents type, such as `org.pathline.need.expressed.v1`."""
    noun: ClassVar[str]
    verb: ClassVar[str]
    title: ClassVar[str]
    """Plain English, such as `Need expressed`; read it from the class, for an offer has a title of its own."""

    service: Code | None = None
    """The publisher's registered service."""
    channel: Channel | None = None
    """How the person and the service met."""
    initiator: Initiator | None = None
    """Who caused this step."""
    actor: Actor | None = None
    """Who did it."""
    needs: Several[NeedCode] | None = None
    """Which needs this is about."""
    episode: Identifier | None = None
    """The publisher's own stretch of service."""
    handoff: HandoffId | None = None
    """The hand-off that this interaction answers or belongs to."""
    about: Several[About] | None = None
    """Other persons whom this concerns."""
    on_behalf: About | None = None
    """The person for whom the subject acts."""
    authority: Authority | None = None
    """What allows this."""
    coproduction: Phase | None = None
    """The phase of co-production to which this belongs."""
    effort: Several[Effort] | None = None
    """Time spent on this, by whom; the citizen's too."""
    precision: Precision | None = None
    """How exact `time` is, an instant by default. A day or a month begins at `time`, in the offset it was sent with."""
    safety: Safety | None = None
    """What must stay hidden for somebody's safety."""
    participation: Participation | None = None
    """Whether the person had a choice, where that differs from the service's own."""
    horizon: Horizon | None = None
    """Whether the value is to last, where that differs from the service's own."""

    def __init_subclass__(cls, *, noun: str | None = None, verb: str | None = None, **config: Any) -> None:
        super().__init_subclass__(**config)

    @classmethod
    def __pydantic_init_subclass__(cls, *, noun: str | None = None, verb: str | None = None, **config: Any) -> None:
        # Not in __init_subclass__: there pydantic would take the class's title for the default of an offer's title.
        super().__pydantic_init_subclass__(**config)
        if noun is not None:
            cls.noun = noun
        if verb is not None:
            cls._register(verb)

    @classmethod
    def _register(cls, verb: str) -> None:
        cls.verb = verb
        cls.type = f"org.pathline.{cls.noun}.{verb}.v1"
        cls.title = f"{_DISPLAY_NOUNS.get(cls.noun, cls.noun)} {verb}".capitalize()
        if cls.type in _MODELS_BY_TYPE:
            raise TypeError(f"{cls.type} is already {_MODELS_BY_TYPE[cls.type].__name__}")
        _MODELS_BY_TYPE[cls.type] = cls


_MODELS_BY_TYPE: Final[dict[str, type[Payload]]] = {}


def registered_types() -> Iterator[tuple[str, type[Payload]]]:
    """Every type and its class, in the order of definition."""
    yield from _MODELS_BY_TYPE.items()
