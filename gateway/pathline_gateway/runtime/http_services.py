"""Builds what the endpoints of a running gateway work with."""

from __future__ import annotations

from functools import partial
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from pathline_gateway.api_docs.asyncapi import build_document
from pathline_gateway.api_docs.documents import ApiDocuments
from pathline_gateway.auth.dev_issuer.authorization_codes import AuthorizationCodes
from pathline_gateway.auth.dev_issuer.issuer import CALLBACK_PATH, CLIENT_ID, Issuer
from pathline_gateway.auth.middleware import Authenticator
from pathline_gateway.auth.oidc_client import Client, Provider
from pathline_gateway.auth.sign_in_endpoints import BrowserSignIn
from pathline_gateway.desk.page_context import DeskContext
from pathline_gateway.desk.publisher import DeskPublisher
from pathline_gateway.desk.session import DeskSettings
from pathline_gateway.identity.evidence_publisher import EvidencePublisher
from pathline_gateway.identity.links.service import TokenLinkService
from pathline_gateway.intake.http_ingest import HttpIngest
from pathline_gateway.pull.reader_body_cache import ReaderBodyCache
from pathline_gateway.pull.restricted import RestrictedReader
from pathline_gateway.review.service import ReviewService
from pathline_gateway.runtime.gateway import Gateway
from pathline_gateway.settings import Settings
from pathline_gateway.status.endpoints import StatusService
from pathline_gateway.streams.api.services import SubscriptionAdmission
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.visibility.account_publisher import AccountPublisher
from pathline_gateway.web.context import AppContext


def build_context(
    gateway: Gateway, app: FastAPI, authenticator: Authenticator, issuer: Issuer | None = None
) -> AppContext:
    """The parts of this gateway, for the endpoints of this application."""
    settings, pool, secret = gateway.settings, gateway.pool, gateway.secret
    register_unknown = settings.dev_auth == "off"
    ingest = HttpIngest(
        gateway.producer,
        pool,
        gateway.progress,
        wait_for_postgres=settings.volatile_log,
        register_unknown=register_unknown,
        limits=settings.limits,
    )
    evidence_publisher = EvidencePublisher(pool, ingest.write)
    services = (
        ingest,
        authenticator,
        BrowserSignIn(_build_provider(settings, issuer, authenticator)),
        ApiDocuments(app.openapi, partial(build_document, settings)),
        RestrictedReader(pool, secret, settings.clock, cache=ReaderBodyCache(settings.pull_cache_mb * 2**20)),
        AccountPublisher(ingest.write_and_apply),
        _build_streams(gateway),
        SubscriptionAdmission.within(settings.limits),
        gateway.webhook_sender,
        gateway.topics,
        TokenLinkService(pool, evidence_publisher, secret, settings.link_token_s, limits=settings.limits),
        ReviewService(pool, evidence_publisher, unrestricted=register_unknown),
        _build_statuses(gateway),
        gateway.throughput,
        _build_desk(gateway, ingest, register_unknown=register_unknown),
        *((issuer, AuthorizationCodes()) if issuer is not None else ()),
    )
    return AppContext(pool, gateway.slow_pool, secret, settings.clock, register_unknown, services)


def _build_streams(gateway: Gateway) -> SseStreams:
    return SseStreams(
        gateway.pool,
        gateway.secret,
        gateway.settings.clock,
        gateway.listeners,
        slow_pool=gateway.slow_pool,
        read_pool=gateway.work_pool,
        sessions=gateway.sessions,
        limits=gateway.settings.limits,
    )


def _build_statuses(gateway: Gateway) -> StatusService:
    return StatusService(
        gateway.work_pool,
        gateway.progress,
        gateway.intake.survey,
        gateway.health,
        gateway.dependencies,
        gateway.metrics,
        gateway.intake.readiness_problem,
    )


def _build_desk(gateway: Gateway, ingest: HttpIngest, *, register_unknown: bool) -> DeskContext:
    settings = gateway.settings
    return DeskContext(
        gateway.pool,
        DeskPublisher(gateway.pool, ingest, register_unknown),
        gateway.secret,
        DeskSettings(ZoneInfo(settings.desk_timezone), settings.quick_exit, settings.clock),
    )


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
