"""By what name it is kept who did something: her role or her organisation, never her own."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from pathline_gateway.trust.caller import Caller
from pathline_gateway.trust.gate import Asker, caller, same_hands

__all__ = ["Calling", "Citizen", "Operator", "Publisher", "Reviewer", "caller", "citizen", "publisher"]


def operator(asker: Asker) -> str:
    """The operator who asks, by the name that is kept of what she does."""
    return same_hands(asker)


def reviewer(asker: Asker) -> str:
    """The reviewer who asks; with auth off it is the operator, who may do all."""
    return "reviewer" if asker.open else same_hands(asker)


def publisher(asker: Asker) -> Caller:
    """Who publishes for an organisation, or acts for her own account."""
    return asker


def citizen(asker: Asker) -> Caller:
    """A person for herself."""
    return asker


Operator = Annotated[str, Depends(operator)]
"""A parameter of every route that is for operators only."""
Reviewer = Annotated[str, Depends(reviewer)]
"""A parameter of every route that is for reviewers."""
Publisher = Annotated[Caller, Depends(publisher)]
"""A parameter of every route that is for an organisation's own systems."""
Citizen = Annotated[Caller, Depends(citizen)]
"""A parameter of every route that is for people themselves."""
Calling = Asker
"""A parameter of every route whose answer depends on who asks."""
