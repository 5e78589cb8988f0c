"""FastAPI dependencies that give the caller, once she has one of the roles that an endpoint is for.

The table of routes is asked before; an endpoint that is mounted without it refuses all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from pathline_gateway.auth import route_permissions as permissions
from pathline_gateway.auth.caller import PERSON_ROLES, Caller, Role
from pathline_gateway.auth.middleware import Asker, actor_label, current_caller, require_role
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.web.problem import Problem

__all__ = [
    "AccessLogReader",
    "Citizen",
    "DeskReader",
    "DeskWriter",
    "EventPublisher",
    "MeasureReader",
    "Operator",
    "OperatorCaller",
    "OrganisationOrOperator",
    "Overseer",
    "PathwayReader",
    "Person",
    "Publisher",
    "Reviewer",
    "RoleCheck",
    "Subscriber",
    "SubscriberOrOperator",
    "citizen",
    "citizen_reader",
    "current_caller",
    "operator",
    "person_or_helper",
    "publisher",
    "reviewer",
]


@dataclass(frozen=True)
class RoleCheck:
    """A dependency: the caller, who has one of these roles; with auth off whoever calls."""

    roles: frozenset[Role]

    async def __call__(self, caller: Asker) -> Caller:
        """The caller. Raises Problem for everybody else."""
        require_role(caller, self.roles)
        return caller


OperatorCaller = Annotated[Caller, Depends(RoleCheck(permissions.OPERATORS))]
Overseer = Annotated[Caller, Depends(RoleCheck(permissions.OVERSEERS))]
EventPublisher = Annotated[Caller, Depends(RoleCheck(permissions.EVENT_PUBLISHERS))]
Subscriber = Annotated[Caller, Depends(RoleCheck(permissions.SUBSCRIBERS))]
SubscriberOrOperator = Annotated[Caller, Depends(RoleCheck(permissions.SUBSCRIBERS_AND_OPERATORS))]
OrganisationOrOperator = Annotated[Caller, Depends(RoleCheck(permissions.ORGANISATIONS_AND_OPERATORS))]
DeskReader = Annotated[Caller, Depends(RoleCheck(permissions.DESK_READERS))]
DeskWriter = Annotated[Caller, Depends(RoleCheck(permissions.DESK_WRITERS))]
MeasureReader = Annotated[Caller, Depends(RoleCheck(permissions.MEASURE_READERS))]
PathwayReader = Annotated[Caller, Depends(RoleCheck(permissions.PATHWAY_READERS))]
AccessLogReader = Annotated[Caller, Depends(RoleCheck(permissions.ACCESS_LOG_READERS))]


async def operator(caller: OperatorCaller) -> str:
    """The operator who asks, by the name that is kept of what she does: her role, never her own name."""
    return actor_label(caller)


async def reviewer(caller: Annotated[Caller, Depends(RoleCheck(permissions.REVIEWERS))]) -> str:
    """The reviewer who asks; with auth off it is the operator, who may do all."""
    return "reviewer" if caller.auth_disabled else actor_label(caller)


async def publisher(caller: Annotated[Caller, Depends(RoleCheck(permissions.TOKEN_ISSUERS))]) -> Caller:
    """Who publishes for an organisation, or a person for her own account; with auth off whoever calls.

    Raises Problem for everybody else. Whose subject it is about is still to be looked at: see `Caller`.
    """
    if caller.auth_disabled or caller.publishes_for(caller.org or "") or caller.is_person(caller.account or ""):
        return caller
    raise Problem(403, "forbidden", "your roles do not let you do this")


async def citizen(caller: Annotated[Caller, Depends(RoleCheck(permissions.CITIZENS))]) -> Caller:
    """A person for herself; with auth off whoever calls. Raises Problem for everybody else."""
    if not caller.auth_disabled and (caller.account is None or not caller.is_person(caller.account)):
        raise _not_the_citizen()
    return caller


async def person_or_helper(caller: Annotated[Caller, Depends(RoleCheck(permissions.PERSONS))]) -> Caller:
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
"""A parameter of endpoints for operators: the name that is kept of who acts."""
Reviewer = Annotated[str, Depends(reviewer)]
Publisher = Annotated[Caller, Depends(publisher)]
"""A parameter of every endpoint that is for an organisation's own systems, and for people's own accounts."""
Citizen = Annotated[Caller, Depends(citizen)]
Person = Annotated[Caller, Depends(person_or_helper)]
"""A parameter of every endpoint that is for people, their helpers among them."""
