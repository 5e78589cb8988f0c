"""A subscription, as it is asked for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pathline.vocabulary import Code
from pathline_gateway.auth.purpose import PurposeError, parse_access_purpose
from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.subscriptions.filter_values import require_known_values
from pathline_gateway.streams.subscriptions.filters import FilterLimits, WrongFilter, compile_filters
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem


class SubscriptionConfig(BaseModel):
    """Who receives, and what for."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    organisation: Code
    """Who receives: the caller's own organisation."""
    purpose: Code
    """What the events are wanted for."""
    authority: Annotated[str, Field(max_length=2_100, pattern=STORABLE)] | None = None
    """What is relied on besides consent, as in the header `pathline-authority`."""
    payload: Literal["full", "thin", "none"] = "full"
    """How much of an event is sent. `thin`: id, type and pathway, with a `dataref` where the rest may be fetched.
    `none`: only that there is one, with its `dataref`."""

    principal: Annotated[str, Field(max_length=128, pattern=STORABLE)] | None = None
    """Of `KAFKA`: who may read the topic, by the broker's name for it. The organisation's own name, or that, a dot and
    a word; the first where nothing is said."""
    partitions: Annotated[int, Field(ge=1, le=24)] | None = None
    """Of `KAFKA`: how many partitions the topic has; 3 where nothing is said. It stays so."""
    retention_hours: Annotated[int, Field(ge=1, le=720)] | None = None
    """Of `KAFKA`: how long the topic keeps a record; 168 hours where nothing is said."""


class SubscriptionForm(BaseModel):
    """A subscription, as it is asked for (CloudEvents Subscriptions)."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    protocol: Literal["PULL", "SSE", "HTTP", "KAFKA"]
    """How events are received: `PULL` at a cursor at `…/events`, `SSE` at `…/stream`, `HTTP` at the sink, each posted.
    `KAFKA`: in a topic of its own. Whatever the protocol, events may be pulled and listened to as well."""
    sink: Annotated[str, Field(max_length=2_048, pattern=STORABLE)] | None = None
    """Where events are posted, for `HTTP`: https, at port 443, with an address of the public internet."""
    config: SubscriptionConfig
    filters: Annotated[list[dict[str, Any]], Field(max_length=50)] = []
    """All must hold: `exact`, `prefix`, `suffix`, `all`, `any`, `not`. None: everything that may be seen."""


class DryRunForm(SubscriptionForm):
    """A subscription that nobody makes, and how far to look back."""

    days: Annotated[int, Field(ge=1, le=30)] = 7
    """What was stored in so many days."""


def validate_form(form: SubscriptionForm, limits: Limits) -> None:
    """It can be read. Raises Problem."""
    if form.protocol == "HTTP" and form.sink is None:
        raise Problem(422, "malformed-sink", "sink: protocol HTTP needs the URL that events are posted to")
    if form.protocol != "HTTP" and form.sink is not None:
        raise Problem(422, "malformed-sink", "sink: only protocol HTTP posts to one; leave it out, or say HTTP")
    topic_fields = (form.config.principal, form.config.partitions, form.config.retention_hours)
    if form.protocol != "KAFKA" and topic_fields != (None, None, None):
        raise Problem(
            422, "malformed-topic", "config: only protocol KAFKA has principal, partitions and retention_hours"
        )
    try:
        compile_filters(form.filters, FilterLimits(limits.conditions, limits.condition_length))
        require_known_values(form.filters)
        parse_access_purpose(form.config.purpose, form.config.authority)
    except WrongFilter as error:
        raise Problem(422, "malformed-filter", str(error)) from None
    except PurposeError as error:
        raise Problem(422, error.reason, error.detail) from None
