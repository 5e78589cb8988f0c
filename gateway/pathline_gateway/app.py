"""Wires the HTTP side to a running gateway; nothing else knows everybody."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pathline_gateway import problem
from pathline_gateway.access_log.middleware import AccessRows
from pathline_gateway.console import front, handoff_pages, pages, sign_in, stream_pages
from pathline_gateway.console import parked as parked_page
from pathline_gateway.console import review as review_page
from pathline_gateway.console import set_aside as set_aside_page
from pathline_gateway.desk import pages as desk
from pathline_gateway.desk.publishing import Publishing
from pathline_gateway.desk.shown import Explained, NoOrganisation, Said, on_no_organisation
from pathline_gateway.documents import pages as document_pages
from pathline_gateway.documents import resource as documents
from pathline_gateway.documents.http_side import ABOUT, TAGS, Interface
from pathline_gateway.documents.kafka_side import described
from pathline_gateway.http_spans import HttpSpans
from pathline_gateway.identity.linking import Linking
from pathline_gateway.identity.own_evidence import OwnEvidence
from pathline_gateway.identity.reviewing import Reviewing
from pathline_gateway.intake import door as intake_door
from pathline_gateway.limits.caller_budget import CallerBudget
from pathline_gateway.limits.rates import Rates, RefusedCallers
from pathline_gateway.limits.request_bounds import RequestBounds
from pathline_gateway.measure import resource as measures
from pathline_gateway.operate import (
    concealed,
    lawful,
    linkers,
    organisations,
    parked,
    register_changes,
    registrars,
    review,
)
from pathline_gateway.operate.issuer import routes as issuer_routes
from pathline_gateway.pull import accesses, account, consents, links, mandates, pathways, status
from pathline_gateway.pull.limited import Limited
from pathline_gateway.pull.quick import QuickPull
from pathline_gateway.response_headers import ResponseHeaders
from pathline_gateway.running import Gateway
from pathline_gateway.set_aside import endpoints as set_aside
from pathline_gateway.settings import Settings
from pathline_gateway.storable import storable
from pathline_gateway.streams import resource as subscriptions
from pathline_gateway.streams.sse import Streams
from pathline_gateway.trust.bearer import Bearer, Claims
from pathline_gateway.trust.gate import Admitted, Gate, admitted, declared
from pathline_gateway.trust.issuer import CALLBACK, CLIENT, Issuer, NoIssuer
from pathline_gateway.trust.keys import OwnKeys
from pathline_gateway.trust.provider import Client, Provider


def application(gateway: Gateway, issuer: Issuer | None = None, gate: Gate | None = None) -> FastAPI:
    """The HTTP interface of a running gateway; with an `issuer` of its own where it has one, and its `gate` or this."""
    app = Interface(
        title="Pathline",
        summary="Publish what happened between a person and a service; pull each person's own pathway.",
        description=ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        version="1",
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        responses=problem.DOCUMENTED,
        dependencies=[Depends(admitted), Depends(storable)],
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,
    )
    readers = Limited(gateway.pool, gateway.secret, gateway.settings.clock)
    explained = Explained(gateway.settings.quick_exit)
    limits, rates = gateway.settings.limits, Rates(gateway.settings.limits)
    https = (gateway.settings.public_url or "").startswith("https:")
    gate = replace(gate or _gate(gateway, issuer), explain=explained, refusals=RefusedCallers(rates), https=https)
    register_unknown = gateway.settings.dev_auth == "off"
    if not register_unknown:
        # Within what knows who calls: her budget is hers.
        app.add_middleware(CallerBudget, limits=limits, rates=rates, explain=explained)
    app.add_middleware(Admitted, gate=gate)
    app.add_middleware(AccessRows, pool=gateway.pool)
    if register_unknown:
        # Past what asks who calls: with auth off, everybody does.
        app.add_middleware(
            QuickPull, pulled=partial(pathways.pulled, gateway.pool, gateway.secret, gateway.settings.clock)
        )
        app.add_middleware(CallerBudget, limits=limits, rates=rates, explain=explained)
    app.add_middleware(RequestBounds, limits=limits, explain=explained)
    app.add_middleware(HttpSpans, limits=limits)
    app.add_middleware(ResponseHeaders, https=https)
    app.add_exception_handler(problem.Problem, explained.on_problem)
    app.add_exception_handler(NoOrganisation, on_no_organisation)
    app.add_exception_handler(RequestValidationError, problem.on_invalid_request)
    app.add_exception_handler(HTTPException, problem.on_http_error)
    door = intake_door.Door(
        gateway.producer,
        gateway.pool,
        gateway.progress,
        wait_for_postgres=gateway.settings.volatile_log,
        register_unknown=register_unknown,
        limits=gateway.settings.limits,
    )
    app.include_router(intake_door.routes(door))
    app.include_router(pathways.routes(gateway.pool, gateway.secret, readers, gateway.settings.clock))
    app.include_router(account.routes())
    app.include_router(accesses.routes(gateway.pool, gateway.secret, gateway.settings.clock))
    app.include_router(consents.routes(gateway.pool, gateway.secret, gateway.settings.clock, door.put))
    app.include_router(mandates.routes(gateway.pool, gateway.secret, gateway.settings.clock, door.put))
    streams = Streams(
        gateway.pool,
        gateway.secret,
        gateway.settings.clock,
        gateway.waiters,
        slow=gateway.slow,
        work=gateway.work,
        sessions=gateway.sessions,
        limits=gateway.settings.limits,
    )
    app.include_router(subscriptions.routes(streams, gateway.sinks))
    app.include_router(stream_pages.routes(streams))
    app.include_router(measures.routes(gateway.slow, gateway.settings.clock))
    app.include_router(organisations.routes(gateway.pool))
    app.include_router(linkers.routes(gateway.pool))
    app.include_router(registrars.routes(gateway.pool))
    app.include_router(concealed.routes(gateway.pool))
    app.include_router(lawful.routes(gateway.pool))
    app.include_router(register_changes.routes(gateway.pool))
    app.include_router(parked.routes(gateway.pool, register_unknown))
    app.include_router(parked_page.routes(gateway.pool, register_unknown))
    own = OwnEvidence(gateway.pool, door.write)
    linking = Linking(gateway.pool, own, gateway.secret, gateway.settings.link_token_s, limits=gateway.settings.limits)
    app.include_router(links.routes(gateway.pool, linking, register_unknown))
    reviewing = Reviewing(gateway.pool, own, everything=register_unknown)
    app.include_router(review.routes(gateway.pool, reviewing))
    app.include_router(review_page.routes(gateway.pool, reviewing))
    statuses = status.Statuses(
        gateway.work, gateway.progress, gateway.intake.survey, gateway.health, gateway.dependencies
    )
    app.include_router(status.routes(statuses, gateway.intake.not_ready))
    app.include_router(set_aside.routes(gateway.pool))
    app.include_router(set_aside_page.routes(gateway.pool, statuses))
    clock = gateway.settings.clock
    app.include_router(
        front.routes(gateway.pool, statuses, lambda: gateway.intake.not_ready() is None, gateway.rates, clock)
    )
    app.include_router(handoff_pages.routes(gateway.slow, gateway.secret, clock))
    app.include_router(pages.routes(gateway.pool, gateway.secret, readers, clock))
    kafka = cache(partial(described, gateway.settings))
    app.include_router(documents.routes(kafka))
    app.include_router(document_pages.routes(app.openapi, kafka))
    app.include_router(sign_in.routes(gate, _provider(gateway.settings, issuer, gate)))
    app.include_router(
        desk.routes(
            gateway.pool,
            Publishing(gateway.pool, door, register_unknown),
            gateway.secret,
            Said(ZoneInfo(gateway.settings.desk_timezone), gateway.settings.quick_exit, gateway.settings.clock),
        )
    )
    if issuer is not None:
        app.include_router(issuer_routes(issuer))
    app.mount("/console/static", pages.STATIC)
    declared(app)
    return app


def _gate(gateway: Gateway, issuer: Issuer | None) -> Gate:
    settings = gateway.settings
    if settings.dev_auth == "off":
        return Gate(None)
    if issuer is not None:
        return Gate(Bearer(issuer.claims, OwnKeys(issuer.keys), gateway.account_key, sessions=gateway.sessions))
    if settings.issuer is None:
        raise NoIssuer("who may do what cannot be told: set PATHLINE_ISSUER to the OpenID Connect issuer to believe")
    claims = Claims(
        settings.issuer, settings.audience, settings.roles_claim, settings.org_claim, settings.token_lifetime_s
    )
    return Gate(Bearer(claims, gateway.issuer_keys, gateway.account_key, sessions=gateway.sessions))


def _provider(settings: Settings, issuer: Issuer | None, gate: Gate) -> Provider | None:
    """Where people sign in with a browser; None where they show a token instead, or nobody is asked."""
    if gate.bearer is None:
        return None
    keys = gate.bearer.keys
    if issuer is not None:
        return Provider(issuer.url, Client(CLIENT, None, issuer.clients[CLIENT]), keys)
    if settings.issuer is None or settings.public_url is None:
        return None
    secret = None if settings.client_secret is None else settings.client_secret.get_secret_value()
    return Provider(settings.issuer, Client(settings.client_id, secret, f"{settings.public_url}{CALLBACK}"), keys)
