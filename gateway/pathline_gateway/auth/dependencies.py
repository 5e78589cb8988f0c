"""FastAPI dependencies that give the caller, and the name under which her acts are kept:
her role or her organisation, never her own."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from pathline_gateway.auth.caller import OF_A_PERSON, Caller, Role
from pathline_gateway.auth.middleware import Asker, caller, same_hands
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.web.problem import Problem

__all__ = [
    "Citizen",
    "CurrentCaller",
    "Operator",
    "Person",
    "Publisher",
    "Reviewer",
    "caller",
    "citizen",
    "person",
    "publisher",
    "somebody",
]


def operator(asker: Asker) -> str:
    """The operator who asks, by the name that is kept of what she does."""
    return same_hands(asker)


def reviewer(asker: Asker) -> str:
    """The reviewer who asks; with auth off it is the operator, who may do all."""
    return "reviewer" if asker.open else same_hands(asker)


def publisher(asker: Asker) -> Caller:
    """Who publishes for an organisation, or a person for her own account; with auth off whoever calls.

    Raises Problem for everybody else. Whose subject it is about is still to be looked at: see `Caller`.
    """
    if asker.open or asker.publishes_for(asker.org or "") or asker.is_person(asker.account or ""):
        return asker
    raise Problem(403, "forbidden", "your roles do not let you do this")


def citizen(asker: Asker) -> Caller:
    """A person for herself; with auth off whoever calls. Raises Problem for everybody else."""
    if not asker.open and (asker.account is None or not asker.is_person(asker.account)):
        raise _not_for_you()
    return asker


def somebody(asker: Asker) -> Caller:
    """A person, for herself or for another; with auth off whoever calls. Raises Problem for everybody else."""
    if not asker.open and (asker.account is None or not asker.may_be(*OF_A_PERSON)):
        raise _not_for_you()
    return asker


def person(asker: Caller) -> Reader:
    """The citizen as the reader of her own. Raises Problem for everybody else, and with auth off for all."""
    reader = None if asker.open else reader_of(asker)
    if reader is None or reader.account is None or Role.CITIZEN not in asker.roles:
        raise _not_for_you()
    return reader


def _not_for_you() -> Problem:
    return Problem(403, "not-for-you", "this is done by the citizen herself: sign in with her own account")


Operator = Annotated[str, Depends(operator)]
"""A parameter of every route that is for operators only."""
Reviewer = Annotated[str, Depends(reviewer)]
"""A parameter of every route that is for reviewers."""
Publisher = Annotated[Caller, Depends(publisher)]
"""A parameter of every route that is for an organisation's own systems, and for people's own accounts."""
Citizen = Annotated[Caller, Depends(citizen)]
"""A parameter of every route that is for people themselves."""
Person = Annotated[Caller, Depends(somebody)]
"""A parameter of every route that is for people, their helpers among them."""
CurrentCaller = Asker
"""A parameter of every route whose answer depends on who asks."""
