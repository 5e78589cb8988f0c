"""Wires the HTTP side to a running gateway; nothing else knows everybody."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pathline_gateway.access_log.middleware import AccessLogMiddleware
from pathline_gateway.api_docs import endpoints as api_docs_endpoints
from pathline_gateway.api_docs import pages as api_docs_pages
from pathline_gateway.api_docs.openapi import DESCRIPTION, TAGS, GatewayApi
from pathline_gateway.auth import account_endpoints, sign_in_endpoints
from pathline_gateway.auth.bearer_token import BearerTokens, TokenClaims
from pathline_gateway.auth.dev_issuer import authorize_page
from pathline_gateway.auth.dev_issuer import endpoints as issuer_endpoints
from pathline_gateway.auth.dev_issuer.issuer import Issuer, NoIssuer
from pathline_gateway.auth.jwks import OwnKeys
from pathline_gateway.auth.middleware import Authenticator, AuthMiddleware, authorize_route
from pathline_gateway.auth.not_found import on_http_error
from pathline_gateway.concealment import endpoints as concealment_endpoints
from pathline_gateway.console import (
    front_pages,
    handoff_pages,
    parked_pages,
    pathway_pages,
    review_pages,
    set_aside_pages,
    subscription_pages,
)
from pathline_gateway.desk import contact_pages, inbox_pages, organisation_pages, referral_pages, spreadsheet_pages
from pathline_gateway.desk.session import DeskProblemHandler, NoOrganisation, on_no_organisation
from pathline_gateway.identity.links import endpoints as link_endpoints
from pathline_gateway.identity.links import linker_endpoints
from pathline_gateway.intake import http_ingest
from pathline_gateway.limits.caller_budget_middleware import CallerBudgetMiddleware
from pathline_gateway.limits.caller_rates import CallerRates, RefusedCallers
from pathline_gateway.limits.request_bounds import RequestBoundsMiddleware
from pathline_gateway.measure import endpoints as measure_endpoints
from pathline_gateway.organisations import change_endpoints
from pathline_gateway.organisations import endpoints as organisation_endpoints
from pathline_gateway.parked import endpoints as parked_endpoints
from pathline_gateway.pull import access_endpoints, unrestricted
from pathline_gateway.pull import endpoints as pull_endpoints
from pathline_gateway.pull.body_cache import BodyCache
from pathline_gateway.pull.fast_path import FastPullMiddleware
from pathline_gateway.review import endpoints as review_endpoints
from pathline_gateway.runtime.gateway import Gateway
from pathline_gateway.runtime.http_services import build_context
from pathline_gateway.runtime.route_declarations import check_declarations, check_services
from pathline_gateway.runtime.tracing_middleware import TracingMiddleware
from pathline_gateway.set_aside import endpoints as set_aside_endpoints
from pathline_gateway.status import endpoints as status_endpoints
from pathline_gateway.streams.api import event_endpoints, replay_endpoints, subscription_endpoints, webhook_endpoints
from pathline_gateway.streams.dispatch.delivery_trace import DeliveryTraceKey
from pathline_gateway.visibility import (
    consent_endpoints,
    lawful_basis_endpoints,
    mandate_endpoints,
    registrar_endpoints,
)
from pathline_gateway.web import problem
from pathline_gateway.web.patterns import require_storable_request
from pathline_gateway.web.query_parameters import refuse_unknown_of_interface
from pathline_gateway.web.response_headers import ResponseHeadersMiddleware

ROUTERS: Final = (
    http_ingest.router,
    pull_endpoints.router,
    account_endpoints.router,
    access_endpoints.router,
    consent_endpoints.router,
    mandate_endpoints.router,
    webhook_endpoints.router,
    event_endpoints.router,
    replay_endpoints.router,
    subscription_endpoints.router,
    subscription_pages.router,
    measure_endpoints.router,
    organisation_endpoints.router,
    linker_endpoints.router,
    registrar_endpoints.router,
    concealment_endpoints.router,
    lawful_basis_endpoints.router,
    change_endpoints.router,
    parked_endpoints.router,
    parked_pages.router,
    link_endpoints.router,
    review_endpoints.router,
    review_pages.router,
    status_endpoints.router,
    set_aside_endpoints.router,
    set_aside_pages.router,
    front_pages.router,
    handoff_pages.router,
    pathway_pages.router,
    api_docs_endpoints.router,
    api_docs_pages.router,
    sign_in_endpoints.router,
    inbox_pages.router,
    contact_pages.router,
    referral_pages.router,
    spreadsheet_pages.router,
    organisation_pages.router,
)
"""Every endpoint of every gateway, in the order in which paths are compared with a request."""

ISSUER_ROUTERS: Final = (issuer_endpoints.router, authorize_page.router)
"""Those of a gateway with an issuer of its own."""


def build_app(gateway: Gateway, issuer: Issuer | None = None, authenticator: Authenticator | None = None) -> FastAPI:
    """The HTTP interface of a running gateway; with an `issuer` of its own where it has one, and its `authenticator`
    or this.
    """
    app = GatewayApi(
        title="Pathline",
        summary="Publish what happened between a person and a service; pull each person's own pathway.",
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        version="1",
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        responses=problem.ERROR_RESPONSES,
        dependencies=[
            Depends(authorize_route),
            Depends(require_storable_request),
            Depends(refuse_unknown_of_interface),
        ],
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,
    )
    problem_handler = DeskProblemHandler(gateway.settings.quick_exit)
    rates = CallerRates(gateway.settings.limits)
    authenticator = replace(
        authenticator or _build_authenticator(gateway, issuer),
        explain=problem_handler,
        refusals=RefusedCallers(rates),
        https=_has_https(gateway),
    )
    _add_middleware(app, gateway, authenticator, rates, problem_handler)
    app.add_exception_handler(problem.Problem, problem_handler.on_problem)
    app.add_exception_handler(NoOrganisation, on_no_organisation)
    app.add_exception_handler(RequestValidationError, problem.on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)
    context = build_context(gateway, app, authenticator, issuer)
    context.attach(app)
    for router in ROUTERS if issuer is None else (*ROUTERS, *ISSUER_ROUTERS):
        app.include_router(router)
    app.mount("/console/static", pathway_pages.STATIC)
    check_declarations(app)
    check_services(app, context)
    return app


def _add_middleware(
    app: FastAPI,
    gateway: Gateway,
    authenticator: Authenticator,
    rates: CallerRates,
    problem_handler: DeskProblemHandler,
) -> None:
    """From the innermost to the outermost: a request meets them the other way round."""
    limits, auth_disabled = gateway.settings.limits, gateway.settings.dev_auth == "off"
    if not auth_disabled:
        # Within what knows who calls: her budget is hers.
        app.add_middleware(CallerBudgetMiddleware, limits=limits, rates=rates, explain=problem_handler)
    app.add_middleware(AuthMiddleware, gate=authenticator)
    app.add_middleware(AccessLogMiddleware, pool=gateway.pool)
    if auth_disabled:
        # Past what asks who calls: with auth off, everybody does.
        app.add_middleware(
            FastPullMiddleware,
            pulled=partial(
                unrestricted.pull_pathway,
                gateway.pool,
                gateway.secret,
                gateway.settings.clock,
                cache=BodyCache(gateway.settings.pull_cache_mb * 2**20),
            ),
        )
        app.add_middleware(CallerBudgetMiddleware, limits=limits, rates=rates, explain=problem_handler)
    app.add_middleware(RequestBoundsMiddleware, limits=limits, explain=problem_handler)
    app.add_middleware(TracingMiddleware, limits=limits, is_delivery=DeliveryTraceKey(gateway.secret).has_made)
    app.add_middleware(ResponseHeadersMiddleware, https=_has_https(gateway))


def _has_https(gateway: Gateway) -> bool:
    return (gateway.settings.public_url or "").startswith("https:")


def _build_authenticator(gateway: Gateway, issuer: Issuer | None) -> Authenticator:
    settings = gateway.settings
    if settings.dev_auth == "off":
        return Authenticator(None)
    if issuer is not None:
        return Authenticator(
            BearerTokens(issuer.claims, OwnKeys(issuer.keys), gateway.account_key, sessions=gateway.sessions)
        )
    if settings.issuer is None:
        raise NoIssuer("who may do what cannot be told: set PATHLINE_ISSUER to the OpenID Connect issuer to believe")
    claims = TokenClaims(
        settings.issuer, settings.audience, settings.roles_claim, settings.org_claim, settings.token_lifetime_s
    )
    return Authenticator(BearerTokens(claims, gateway.issuer_keys, gateway.account_key, sessions=gateway.sessions))
