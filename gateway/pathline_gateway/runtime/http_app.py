"""Wires the HTTP side to a running gateway; nothing else knows everybody."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pathline_gateway.access_log.middleware import AccessRows
from pathline_gateway.api_docs import endpoints as api_docs_endpoints
from pathline_gateway.api_docs import pages as api_docs_pages
from pathline_gateway.api_docs.asyncapi import build_document
from pathline_gateway.api_docs.openapi import DESCRIPTION, TAGS, Interface
from pathline_gateway.auth import account_endpoints, sign_in_endpoints
from pathline_gateway.auth.bearer_token import BearerTokens, TokenClaims
from pathline_gateway.auth.dev_issuer.endpoints import routes as issuer_routes
from pathline_gateway.auth.dev_issuer.issuer import CALLBACK_PATH, CLIENT_ID, Issuer, NoIssuer
from pathline_gateway.auth.jwks import OwnKeys
from pathline_gateway.auth.middleware import Authenticator, AuthMiddleware, authorize_route
from pathline_gateway.auth.not_found import on_http_error
from pathline_gateway.auth.oidc_client import Client, Provider
from pathline_gateway.concealment import endpoints as concealment_endpoints
from pathline_gateway.console import (
    front_page,
    handoff_pages,
    parked_pages,
    pathway_pages,
    review_pages,
    subscription_pages,
)
from pathline_gateway.console import set_aside as set_aside_page
from pathline_gateway.desk import inbox_pages
from pathline_gateway.desk.publisher import DeskPublisher
from pathline_gateway.desk.session import DeskProblemHandler, DeskSettings, NoOrganisation, on_no_organisation
from pathline_gateway.identity.evidence_publisher import OwnEvidence
from pathline_gateway.identity.links import endpoints as link_endpoints
from pathline_gateway.identity.links import linker_endpoints
from pathline_gateway.identity.links.service import Linking
from pathline_gateway.intake import http_ingest
from pathline_gateway.limits.caller_budget import CallerBudget
from pathline_gateway.limits.rates import CallerRates, RefusedCallers
from pathline_gateway.limits.request_bounds import RequestBounds
from pathline_gateway.measure import endpoints as measure_endpoints
from pathline_gateway.organisations import change_endpoints
from pathline_gateway.organisations import endpoints as organisation_endpoints
from pathline_gateway.parked import endpoints as parked_endpoints
from pathline_gateway.pull import access_endpoints as access_log_endpoints
from pathline_gateway.pull import endpoints as pull_endpoints
from pathline_gateway.pull import unrestricted
from pathline_gateway.pull.fast_path import FastPullMiddleware
from pathline_gateway.pull.restricted import RestrictedReader
from pathline_gateway.review import endpoints as review_endpoints
from pathline_gateway.review.service import ReviewService
from pathline_gateway.runtime.gateway import Gateway
from pathline_gateway.runtime.route_declarations import check_declarations
from pathline_gateway.runtime.tracing_middleware import HttpSpans
from pathline_gateway.set_aside import endpoints as set_aside
from pathline_gateway.settings import Settings
from pathline_gateway.status import endpoints as status_endpoints
from pathline_gateway.streams.api import subscription_endpoints
from pathline_gateway.streams.sse.stream import Streams
from pathline_gateway.visibility import (
    consent_endpoints,
    lawful_basis_endpoints,
    mandate_endpoints,
    registrar_endpoints,
)
from pathline_gateway.web import problem
from pathline_gateway.web.patterns import require_storable_request
from pathline_gateway.web.query_parameters import refuse_unknown_of_interface
from pathline_gateway.web.response_headers import ResponseHeaders


def build_app(gateway: Gateway, issuer: Issuer | None = None, authenticator: Authenticator | None = None) -> FastAPI:
    """The HTTP interface of a running gateway; with an `issuer` of its own where it has one, and its `authenticator`
    or this.
    """
    app = Interface(
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
    restricted_reader = RestrictedReader(gateway.pool, gateway.secret, gateway.settings.clock)
    problem_handler = DeskProblemHandler(gateway.settings.quick_exit)
    limits, rates = gateway.settings.limits, CallerRates(gateway.settings.limits)
    https = (gateway.settings.public_url or "").startswith("https:")
    authenticator = replace(
        authenticator or _build_authenticator(gateway, issuer),
        explain=problem_handler,
        refusals=RefusedCallers(rates),
        https=https,
    )
    register_unknown = gateway.settings.dev_auth == "off"
    if not register_unknown:
        # Within what knows who calls: her budget is hers.
        app.add_middleware(CallerBudget, limits=limits, rates=rates, explain=problem_handler)
    app.add_middleware(AuthMiddleware, gate=authenticator)
    app.add_middleware(AccessRows, pool=gateway.pool)
    if register_unknown:
        # Past what asks who calls: with auth off, everybody does.
        app.add_middleware(
            FastPullMiddleware,
            pulled=partial(unrestricted.pull_pathway, gateway.pool, gateway.secret, gateway.settings.clock),
        )
        app.add_middleware(CallerBudget, limits=limits, rates=rates, explain=problem_handler)
    app.add_middleware(RequestBounds, limits=limits, explain=problem_handler)
    app.add_middleware(HttpSpans, limits=limits)
    app.add_middleware(ResponseHeaders, https=https)
    app.add_exception_handler(problem.Problem, problem_handler.on_problem)
    app.add_exception_handler(NoOrganisation, on_no_organisation)
    app.add_exception_handler(RequestValidationError, problem.on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)
    ingest = http_ingest.HttpIngest(
        gateway.producer,
        gateway.pool,
        gateway.progress,
        wait_for_postgres=gateway.settings.volatile_log,
        register_unknown=register_unknown,
        limits=gateway.settings.limits,
    )
    app.include_router(http_ingest.routes(ingest))
    app.include_router(pull_endpoints.routes(gateway.pool, gateway.secret, restricted_reader, gateway.settings.clock))
    app.include_router(account_endpoints.routes())
    app.include_router(access_log_endpoints.routes(gateway.pool, gateway.secret, gateway.settings.clock))
    app.include_router(
        consent_endpoints.routes(gateway.pool, gateway.secret, gateway.settings.clock, ingest.write_and_apply)
    )
    app.include_router(
        mandate_endpoints.routes(gateway.pool, gateway.secret, gateway.settings.clock, ingest.write_and_apply)
    )
    streams = Streams(
        gateway.pool,
        gateway.secret,
        gateway.settings.clock,
        gateway.listeners,
        slow_pool=gateway.slow_pool,
        read_pool=gateway.work_pool,
        sessions=gateway.sessions,
        limits=gateway.settings.limits,
    )
    app.include_router(subscription_endpoints.routes(streams, gateway.webhook_sender))
    app.include_router(subscription_pages.routes(streams))
    app.include_router(measure_endpoints.routes(gateway.slow_pool, gateway.settings.clock))
    app.include_router(organisation_endpoints.routes(gateway.pool))
    app.include_router(linker_endpoints.routes(gateway.pool))
    app.include_router(registrar_endpoints.routes(gateway.pool))
    app.include_router(concealment_endpoints.routes(gateway.pool))
    app.include_router(lawful_basis_endpoints.routes(gateway.pool))
    app.include_router(change_endpoints.routes(gateway.pool))
    app.include_router(parked_endpoints.routes(gateway.pool, register_unknown))
    app.include_router(parked_pages.routes(gateway.pool, register_unknown))
    evidence_publisher = OwnEvidence(gateway.pool, ingest.write)
    link_service = Linking(
        gateway.pool, evidence_publisher, gateway.secret, gateway.settings.link_token_s, limits=gateway.settings.limits
    )
    app.include_router(link_endpoints.routes(gateway.pool, link_service, register_unknown))
    review_service = ReviewService(gateway.pool, evidence_publisher, unrestricted=register_unknown)
    app.include_router(review_endpoints.routes(gateway.pool, review_service))
    app.include_router(review_pages.routes(gateway.pool, review_service))
    statuses = status_endpoints.Statuses(
        gateway.work_pool, gateway.progress, gateway.intake.survey, gateway.health, gateway.dependencies
    )
    app.include_router(status_endpoints.routes(statuses, gateway.intake.readiness_problem))
    app.include_router(set_aside.routes(gateway.pool))
    app.include_router(set_aside_page.routes(gateway.pool, statuses))
    clock = gateway.settings.clock
    app.include_router(
        front_page.routes(
            gateway.pool, statuses, lambda: gateway.intake.readiness_problem() is None, gateway.throughput, clock
        )
    )
    app.include_router(handoff_pages.routes(gateway.slow_pool, gateway.secret, clock))
    app.include_router(pathway_pages.routes(gateway.pool, gateway.secret, restricted_reader, clock))
    asyncapi_document = cache(partial(build_document, gateway.settings))
    app.include_router(api_docs_endpoints.routes(asyncapi_document))
    app.include_router(api_docs_pages.routes(app.openapi, asyncapi_document))
    app.include_router(
        sign_in_endpoints.routes(authenticator, _build_provider(gateway.settings, issuer, authenticator))
    )
    app.include_router(
        inbox_pages.routes(
            gateway.pool,
            DeskPublisher(gateway.pool, ingest, register_unknown),
            gateway.secret,
            DeskSettings(ZoneInfo(gateway.settings.desk_timezone), gateway.settings.quick_exit, gateway.settings.clock),
        )
    )
    if issuer is not None:
        app.include_router(issuer_routes(issuer))
    app.mount("/console/static", pathway_pages.STATIC)
    check_declarations(app)
    return app


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


def _build_provider(settings: Settings, issuer: Issuer | None, authenticator: Authenticator) -> Provider | None:
    """Where people sign in with a browser; None where they show a token instead, or nobody is asked."""
    if authenticator.bearer is None:
        return None
    keys = authenticator.bearer.keys
    if issuer is not None:
        return Provider(issuer.url, Client(CLIENT_ID, None, issuer.redirect_uris[CLIENT_ID]), keys)
    if settings.issuer is None or settings.public_url is None:
        return None
    secret = None if settings.client_secret is None else settings.client_secret.get_secret_value()
    return Provider(settings.issuer, Client(settings.client_id, secret, f"{settings.public_url}{CALLBACK_PATH}"), keys)
