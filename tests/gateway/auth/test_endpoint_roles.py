"""Each dependency asserts its roles by itself, and every endpoint asks for the roles that the table says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, get_args

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request

from pathline_gateway.api_docs.documents import ApiDocuments
from pathline_gateway.auth import dependencies
from pathline_gateway.auth import route_permissions as permissions
from pathline_gateway.auth.caller import (
    AUTH_DISABLED_CALLER,
    ORGANISATION_ROLES,
    PERSON_ROLES,
    Caller,
    Role,
)
from pathline_gateway.auth.dependencies import Operator, RoleCheck
from pathline_gateway.auth.dev_issuer.authorization_codes import AuthorizationCodes
from pathline_gateway.auth.dev_issuer.issuer import Issuer
from pathline_gateway.auth.middleware import Authenticator, require_role
from pathline_gateway.auth.sign_in_endpoints import BrowserSignIn
from pathline_gateway.desk.page_context import DeskContext
from pathline_gateway.identity.links.service import TokenLinkService
from pathline_gateway.intake.http_ingest import HttpIngest
from pathline_gateway.pull.restricted import RestrictedReader
from pathline_gateway.review.service import ReviewService
from pathline_gateway.runtime.http_app import ISSUER_ROUTERS, ROUTERS
from pathline_gateway.runtime.route_declarations import NotDeclared, check_declarations, check_services
from pathline_gateway.status.endpoints import StatusService
from pathline_gateway.status.throughput import Throughput
from pathline_gateway.streams.api.services import SubscriptionAdmission
from pathline_gateway.streams.kafka.topic_service import TopicService
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.streams.webhooks.sender import WebhookSender
from pathline_gateway.visibility.account_publisher import AccountPublisher
from pathline_gateway.web import problem
from pathline_gateway.web.context import AppContext, ServiceMissing

DEPENDENCIES: dict[str, tuple[Any, frozenset[Role]]] = {
    "OperatorCaller": (dependencies.OperatorCaller, frozenset({Role.OPERATOR})),
    "Operator": (dependencies.Operator, frozenset({Role.OPERATOR})),
    "Reviewer": (dependencies.Reviewer, frozenset({Role.REVIEWER, Role.OPERATOR})),
    "Overseer": (dependencies.Overseer, frozenset({Role.OPERATOR, Role.AUDITOR})),
    "EventPublisher": (dependencies.EventPublisher, frozenset({Role.PUBLISHER, Role.LINKER, Role.CITIZEN})),
    "Publisher": (dependencies.Publisher, frozenset({Role.PUBLISHER, Role.CITIZEN})),
    "Subscriber": (dependencies.Subscriber, frozenset({Role.SUBSCRIBER})),
    "SubscriberOrOperator": (dependencies.SubscriberOrOperator, frozenset({Role.SUBSCRIBER, Role.OPERATOR})),
    "OrganisationOrOperator": (
        dependencies.OrganisationOrOperator,
        frozenset({Role.PUBLISHER, Role.SUBSCRIBER, Role.OPERATOR}),
    ),
    "DeskReader": (dependencies.DeskReader, frozenset({Role.PUBLISHER, Role.SUBSCRIBER})),
    "DeskWriter": (dependencies.DeskWriter, frozenset({Role.PUBLISHER})),
    "MeasureReader": (dependencies.MeasureReader, frozenset({Role.RESEARCHER, Role.OPERATOR, Role.AUDITOR})),
    "PathwayReader": (
        dependencies.PathwayReader,
        frozenset({Role.PUBLISHER, Role.SUBSCRIBER, Role.CITIZEN, Role.HELPER, Role.OPERATOR}),
    ),
    "AccessLogReader": (dependencies.AccessLogReader, frozenset({Role.CITIZEN, Role.HELPER, Role.AUDITOR})),
    "Citizen": (dependencies.Citizen, frozenset({Role.CITIZEN})),
    "Person": (dependencies.Person, frozenset({Role.CITIZEN, Role.HELPER})),
}


SERVICES: tuple[type, ...] = (
    ApiDocuments,
    AccountPublisher,
    Authenticator,
    AuthorizationCodes,
    BrowserSignIn,
    DeskContext,
    HttpIngest,
    Issuer,
    TokenLinkService,
    RestrictedReader,
    ReviewService,
    StatusService,
    SseStreams,
    SubscriptionAdmission,
    Throughput,
    TopicService,
    WebhookSender,
)
"""Every class of which an endpoint asks for one."""


def caller_of(role: Role) -> Caller:
    """Somebody with this role, and what the role needs."""
    org = "housing" if role in ORGANISATION_ROLES else None
    return Caller(frozenset({role}), org, "her-account" if role in PERSON_ROLES else None)


def mounted_alone(dependency: Any, caller: Caller | None) -> FastAPI:
    """An application of one endpoint, which nothing guards but the dependency."""
    app = FastAPI()
    app.add_exception_handler(problem.Problem, problem.on_problem)

    async def endpoint(request: Request, given: Any) -> dict[str, bool]:
        return {"answered": given is not None}

    endpoint.__annotations__ |= {"request": Request, "given": dependency}
    app.get("/")(endpoint)
    if caller is not None:

        @app.middleware("http")
        async def signed_in(request: Request, call_next: Callable[[Request], Any]) -> Any:
            request.state.caller = caller
            return await call_next(request)

    return app


async def ask(app: FastAPI) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        return await http.get("/")


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", DEPENDENCIES)
async def test_a_dependency_lets_its_roles_in_and_nobody_else(name: str, role: Role) -> None:
    dependency, roles = DEPENDENCIES[name]
    answer = await ask(mounted_alone(dependency, caller_of(role)))
    if role in roles:
        assert (answer.status_code, answer.json()) == (200, {"answered": True})
        return
    with pytest.raises(problem.Problem) as by_the_table:
        require_role(caller_of(role), roles)
    assert answer.status_code == 403
    assert answer.content == by_the_table.value.to_response().body


@pytest.mark.parametrize("name", DEPENDENCIES)
async def test_a_dependency_lets_nobody_in_of_whom_nothing_is_known(name: str) -> None:
    answer = await ask(mounted_alone(DEPENDENCIES[name][0], None))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pathline:problem:forbidden")


@pytest.mark.parametrize("name", DEPENDENCIES)
async def test_with_auth_off_everybody_is_everybody(name: str) -> None:
    assert (await ask(mounted_alone(DEPENDENCIES[name][0], AUTH_DISABLED_CALLER))).status_code == 200


@pytest.mark.parametrize(
    ("name", "caller", "reason"),
    [
        ("Citizen", Caller(frozenset({Role.CITIZEN})), "not-for-you"),
        ("Person", Caller(frozenset({Role.HELPER})), "not-for-you"),
        ("Publisher", Caller(frozenset({Role.CITIZEN})), "forbidden"),
    ],
)
async def test_a_role_without_what_it_needs_is_not_enough(name: str, caller: Caller, reason: str) -> None:
    answer = await ask(mounted_alone(DEPENDENCIES[name][0], caller))
    assert (answer.status_code, answer.json()["type"]) == (403, f"urn:pathline:problem:{reason}")


def test_every_dependency_is_tested_here() -> None:
    public = {name for name in dependencies.__all__ if get_args(getattr(dependencies, name))}
    assert public == DEPENDENCIES.keys()


def every_endpoint(*more: APIRouter, without: APIRouter | None = None) -> FastAPI:
    """All endpoints of the gateway, and no gateway."""
    app = FastAPI(docs_url=None, redoc_url=None)
    for router in (*more, *ROUTERS, *ISSUER_ROUTERS):
        if router is not without:
            app.include_router(router)
    return app


def test_every_endpoint_asks_for_the_roles_that_the_table_says() -> None:
    check_declarations(every_endpoint())


def test_an_endpoint_that_asks_nobody_does_not_start() -> None:
    open_by_mistake = APIRouter()

    @open_by_mistake.get("/v1/organisations")
    async def list_everything() -> None: ...

    with pytest.raises(NotDeclared, match="/v1/organisations"):
        check_declarations(every_endpoint(open_by_mistake))


def test_an_endpoint_that_asks_for_other_roles_does_not_start() -> None:
    for_others_too = APIRouter()

    @for_others_too.get("/v1/parked")
    async def list_parked(caller: Annotated[Caller, Depends(RoleCheck(permissions.OVERSEERS))]) -> None: ...

    with pytest.raises(NotDeclared, match="/v1/parked"):
        check_declarations(every_endpoint(for_others_too))


def test_a_public_route_whose_endpoint_asks_for_a_role_does_not_start() -> None:
    for_operators = APIRouter()

    @for_operators.get("/healthz")
    async def check_health(_: Operator) -> None: ...

    with pytest.raises(NotDeclared, match="/healthz"):
        check_declarations(every_endpoint(for_operators))


def test_an_application_without_a_service_that_an_endpoint_asks_for_does_not_start() -> None:
    nothing: Any = None
    services: list[object] = [object.__new__(kind) for kind in SERVICES]
    check_services(every_endpoint(), AppContext(nothing, nothing, b"", nothing, services=services))
    for missing in services:
        others = [each for each in services if each is not missing]
        with pytest.raises(ServiceMissing, match=type(missing).__name__):
            check_services(every_endpoint(), AppContext(nothing, nothing, b"", nothing, services=others))
