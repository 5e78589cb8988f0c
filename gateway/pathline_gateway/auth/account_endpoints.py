"""`/v1/account`: under which subject a person publishes what she does, as the door asks of her."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from pathline_gateway.auth.dependencies import Person
from pathline_gateway.reserved_names import ACCOUNT_SOURCE, CITIZEN_ORGANISATION
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.problem import Problem


class CitizenAccount(BaseModel):
    """A person's own account."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    org: str
    """The organisation of all accounts."""
    subject: str
    """Hers: the `subject` of whatever she publishes, and what a pathway is searched by."""
    source: str
    """The `source` of whatever she publishes."""


router = APIRouter(tags=["access"])


@router.get(
    "/v1/account",
    summary="My own account",
    response_model=None,
    responses=response_docs(CitizenAccount, "What she is called here"),
)
async def get_account(caller: Person) -> dict[str, Any]:
    """It follows from who she is at the issuer, and from nothing else."""
    if caller.account is None:
        raise Problem(404, "no-account", "with auth off nobody is anybody: there are no accounts")
    return {"org": CITIZEN_ORGANISATION, "subject": caller.account, "source": ACCOUNT_SOURCE}
