"""FastAPI dependencies that give the caller, and the name under which her acts are kept:
her role or her organisation, never her own."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from pathline_gateway.auth.caller import PERSON_ROLES, Caller, Role
from pathline_gateway.auth.middleware import Asker, actor_label, current_caller
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.web.problem import Problem

__all__ = [
    "Citizen",
    "CurrentCaller",
    "Operator",
    "Person",
    "Publisher",
    "Reviewer",
    "citizen",
    "citizen_reader",
    "current_caller",
    "person_or_helper",
    "publisher",
]


def operator(caller: Asker) -> str:
    """The operator who asks, by the name that is kept of what she does."""
    return actor_label(caller)


def reviewer(caller: Asker) -> str:
    """The reviewer who asks; with auth off it is the operator, who may do all."""
    return "reviewer" if caller.auth_disabled else actor_label(caller)


def publisher(caller: Asker) -> Caller:
    """Who publishes for an organisation, or a person for her own account; with auth off whoever calls.

    Raises Problem for everybody else. Whose subject it is about is still to be looked at: see `Caller`.
    """
    if caller.auth_disabled or caller.publishes_for(caller.org or "") or caller.is_person(caller.account or ""):
        return caller
    raise Problem(403, "forbidden", "your roles do not let you do this")


def citizen(caller: Asker) -> Caller:
    """A person for herself; with auth off whoever calls. Raises Problem for everybody else."""
    if not caller.auth_disabled and (caller.account is None or not caller.is_person(caller.account)):
        raise _not_the_citizen()
    return caller


def person_or_helper(caller: Asker) -> Caller:
    """A person, for herself or for another; with auth off whoever calls. Raises Problem for everybody else."""
    if not caller.auth_disabled and (caller.account is None or not caller.has_any_role(*PERSON_ROLES)):
        raise _not_the_citizen()
    return caller


def citizen_reader(caller: Caller) -> Reader:
    """The citizen as the reader of her own. Raises Problem for everybody else, and with auth off for all."""
    reader = None if caller.auth_disabled else reader_of(caller)
    if reader is None or reader.account is None or Role.CITIZEN not in caller.roles:
        raise _not_the_citizen()
    return reader


def _not_the_citizen() -> Problem:
    return Problem(403, "not-for-you", "this is done by the citizen herself: sign in with her own account")


Operator = Annotated[str, Depends(operator)]
"""A parameter of every route that is for operators only."""
Reviewer = Annotated[str, Depends(reviewer)]
"""A parameter of every route that is for reviewers."""
Publisher = Annotated[Caller, Depends(publisher)]
"""A parameter of every route that is for an organisation's own systems, and for people's own accounts."""
Citizen = Annotated[Caller, Depends(citizen)]
"""A parameter of every route that is for people themselves."""
Person = Annotated[Caller, Depends(person_or_helper)]
"""A parameter of every route that is for people, their helpers among them."""
CurrentCaller = Asker
"""A parameter of every route whose answer depends on who asks."""
