"""Who asks. With auth off, every caller is the operator; a role is looked at here, once there are roles."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends


def operator() -> str:
    """The operator who asks, by the name that is kept of what she does."""
    return "operator"


Operator = Annotated[str, Depends(operator)]
"""A parameter of every route that is for operators only."""
