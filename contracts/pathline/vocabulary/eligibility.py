"""Who an offer is for: a condition over the facts and steps of a pathway.

A condition is true, false or unknown of a person; only its form is given here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from pathline.vocabulary.bounded_lists import MAX_ENTRIES, AtLeastOne, Several
from pathline.vocabulary.error_advice import WithAdvice
from pathline.vocabulary.identifiers import EventType, Identifier, Text
from pathline.vocabulary.numbers import Integer
from pathline.vocabulary.payload import NOUNS_WITHOUT_STEPS, registered_types
from pathline.vocabulary.strict_model import StrictModel
from pathline.vocabulary.time_types import Duration

MAX_DEPTH: Final = 32
"""Conditions within conditions: more than any rule that a citizen could be told the reason of."""
MAX_LEAVES: Final = 64
"""Questions in one rule: what would settle it stays computable, and can be told."""

Comparison = Literal["eq", "ne", "lt", "le", "gt", "ge"]

Scalar = Annotated[
    Text | Integer | bool,
    WithAdvice("scalar", "Write a text, true, false or a whole number between -(2^53-1) and 2^53-1"),
]
"""What a fact or a field can be worth."""

Value = Annotated[
    Scalar | Several[Scalar],
    WithAdvice("value", "Write a text, true, false, a whole number or a list of at most 100 of them"),
]
"""What a fact can be compared with."""

Scalars = Annotated[dict[Identifier, Scalar], Field(max_length=MAX_ENTRIES)]
"""Worths by name."""


class Combined(StrictModel):
    """All, or any, of some conditions hold."""

    op: Literal["all", "any"]
    """Whether every condition must hold or one is enough."""
    of: AtLeastOne["Node"]
    """The conditions."""


class Negated(StrictModel):
    """A condition does not hold."""

    op: Literal["not"]
    """Marks a negation."""
    of: "Node"
    """The condition."""


class Compared(StrictModel):
    """A fact compares so with a value."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"cmp": {"const": "in"}}},
            "then": {"properties": {"value": {"type": "array"}}},
            "else": {"properties": {"value": {"not": {"type": "array"}}}},
        }
    )

    op: Literal["compare"]
    """Marks a comparison."""
    fact: Identifier
    """The name of the fact."""
    cmp: Literal[Comparison, "in"]
    """How the fact and the value compare."""
    value: Value
    """The value; a list of them for `in`, and only then."""

    @model_validator(mode="after")
    def _lists_only_for_in(self) -> Self:
        if (self.cmp == "in") != isinstance(self.value, tuple):
            raise PydanticCustomError("value_mismatch", "Write a list of values for 'in' and a single value otherwise")
        return self


class Exists(StrictModel):
    """A fact is known."""

    op: Literal["exists"]
    """Marks a question for existence."""
    fact: Identifier
    """The name of the fact."""


class Occurred(StrictModel):
    """A step of this type is on the pathway."""

    op: Literal["occurred"]
    """Marks a question for a step."""
    type: EventType
    """The noun and verb of the step."""
    where: Scalars | None = None
    """Fields that the step's data must have, with these values."""
    within: Duration | None = None
    """How far back from the pull to look."""


class Counted(StrictModel):
    """So many steps of this type are on the pathway."""

    op: Literal["count"]
    """Marks a count of steps."""
    type: EventType
    """The noun and verb of the steps."""
    where: Scalars | None = None
    """Fields that a step's data must have, with these values."""
    within: Duration | None = None
    """How far back from the pull to look."""
    cmp: Comparison
    """How the count and the value compare."""
    value: Integer
    """The number to compare with."""


class Aged(StrictModel):
    """So many whole years have passed since a date."""

    op: Literal["age"]
    """Marks a comparison of an age."""
    fact: Identifier
    """The name of the fact that is a date."""
    cmp: Comparison
    """How the age and the value compare."""
    value: Integer
    """The age in whole years."""


@dataclass(frozen=True, slots=True)
class _NamesItsOps:
    """An unknown op is answered with the known ones; pydantic's own error would repeat what was written."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        advice = "Give the condition an op: all, any, not, compare, exists, occurred, count or age"
        return {**handler(source), "custom_error_type": "op", "custom_error_message": advice}


Node = Annotated[
    Combined | Negated | Compared | Exists | Occurred | Counted | Aged, _NamesItsOps(), Field(discriminator="op")
]
"""One condition."""

Combined.model_rebuild()
Negated.model_rebuild()


def _limit_depth(root: Node) -> Node:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [part for node in level for part in _children(node)]
        if not level:
            return root
    raise PydanticCustomError("too_deep", "Nest conditions at most 32 deep: join 'all' in 'all', 'any' in 'any'")


def _children(node: Node) -> Iterator[Node]:
    match node:
        case Combined(of=nodes):
            yield from nodes
        case Negated(of=part):
            yield part


def _limit_leaves(root: Node) -> Node:
    if sum(1 for _ in _leaves(root, "")) > MAX_LEAVES:
        raise PydanticCustomError(
            "too_many_leaves", "Ask at most 64 questions in one rule; publish an offer for each group of people"
        )
    return root


def _know_step_types(root: Node) -> Node:
    """Raises for a type that no step of a pathway has, or of which a rule may not ask."""
    types = {f"{cls.noun}.{cls.verb}" for _, cls in registered_types()}
    for pointer, leaf in _leaves(root, ""):
        if not isinstance(leaf, Occurred | Counted):
            continue
        place = {"place": pointer or "its root"}
        noun = leaf.type.partition(".")[0]
        if noun == "pull":
            raise PydanticCustomError(
                "pull_in_rule",
                "At {place}: what somebody pulled decides about nothing; ask for a fact or for another step",
                place,
            )
        if noun in NOUNS_WITHOUT_STEPS or leaf.type not in types:
            raise PydanticCustomError(
                "unknown_step_type",
                "At {place}: no step has this type; write a noun and verb of the vocabulary, such as service.started",
                place,
            )
    return root


def _leaves(node: Node, pointer: str) -> Iterator[tuple[str, Node]]:
    """Each condition that holds no other, by its JSON pointer, in document order."""
    match node:
        case Combined(of=nodes):
            for n, part in enumerate(nodes):
                yield from _leaves(part, f"{pointer}/of/{n}")
        case Negated(of=part):
            yield from _leaves(part, f"{pointer}/of")
        case _:
            yield pointer, node


Eligibility = Annotated[
    Node, AfterValidator(_limit_depth), AfterValidator(_limit_leaves), AfterValidator(_know_step_types)
]
"""A condition no deeper than 32, its root counted, with at most 64 leaves, which ask for steps that there are."""

ClausePointer = Annotated[
    str,
    StringConstraints(max_length=200, pattern=r"^(?:/of(?:/[0-9]{1,2})?)*$"),
    WithAdvice("clause", "Write a JSON pointer into the eligibility, such as /of/2; nothing for its root"),
]
"""A condition of an eligibility, by its place: a JSON pointer."""
