"""What measures answer, for OpenAPI."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class DescribedMeasure(BaseModel):
    """A measure, and where it comes from."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    measure: str
    """Its name in paths."""
    number: int
    """Its number in Pathline's list of indicators."""
    title: str
    unit: str
    """`share` of 1, or `s` for seconds."""
    formula: str
    """`D` is `within_days`; S(t) is the share that still waits after t."""
    source: str
    """Whose idea it is."""


class Measures(BaseModel):
    """What is measured."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    measures: list[DescribedMeasure]


class MeasuredValue(BaseModel):
    """One figure."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    value: float | None
    """Null where too few have come to an end to tell, or where it is suppressed."""
    interval: list[float | None]
    """Low and high at level 0.95; null where it has no end."""
    n: int | None
    """Of how many hand-offs; null where it is suppressed."""
    suppressed: bool
    """There are fewer than ten."""


class MeasuredPair(BaseModel):
    """The same between two organisations."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sender: str
    receiver: str
    values: list[MeasuredValue]


class ServedMeasure(DescribedMeasure):
    """A measure as it stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    as_of: datetime
    """When it was computed; for who may not see small cells, when the month (UTC) began of which the answer is."""
    within_days: int
    """D."""
    value: float | None
    """The first of `values`."""
    interval: list[float | None]
    n: int | None
    suppressed: bool
    values: list[MeasuredValue]
    pairs: list[MeasuredPair] | None
    """Where `by=pair` was asked; without those of fewer than ten people, for who may not see small cells."""
    unobservable: int | None
    """Hand-offs to organisations that are not on the register: they have no part in it. Told to auditors alone."""
