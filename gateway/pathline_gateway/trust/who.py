"""By what name it is kept who did something: her role or her organisation, never her own."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from pathline_gateway.trust.gate import Asker, same_hands


def operator(asker: Asker) -> str:
    """The operator who asks, by the name that is kept of what she does."""
    return same_hands(asker)


def reviewer() -> str:
    """The reviewer who asks; operators are reviewers, too."""
    return "reviewer"


Operator = Annotated[str, Depends(operator)]
"""A parameter of every route that is for operators only."""

Reviewer = Annotated[str, Depends(reviewer)]
"""A parameter of every route that is for reviewers."""
