"""A form of a page acts only where a page of this gateway sent it: no other site's page does, whoever is signed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.auth.middleware import current_caller
from pathline_gateway.runtime.http_app import ISSUER_ROUTERS, ROUTERS
from pathline_gateway.web import problem
from pathline_gateway.web.context import AppContext
from pathline_gateway.web.forms import own_form

PARAMETERS = {"subscription": str(UUID(int=1)), "item": str(UUID(int=2)), "handle": "h"}
FOREIGN = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://elsewhere.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site", "origin": "http://gateway"},
)
OWN: tuple[dict[str, str], ...] = ({"sec-fetch-site": "same-origin"}, {"origin": "http://gateway"}, {})
PROGRAMS = {"/issuer/token"}
"""What programs post, and no page."""
CHECKED_BY_THEMSELVES = {"/desk/spreadsheet", "/sign-out"}
"""Pages of which scripts, or programs, ask as well: they look who sent it in another way."""


def post_routes() -> dict[str, APIRoute]:
    """Every endpoint that a page of the gateway posts to."""
    routers: tuple[APIRouter, ...] = (*ROUTERS, *ISSUER_ROUTERS)
    routes = [each for router in routers for each in router.routes if isinstance(each, APIRoute)]
    return {
        each.path: each
        for each in routes
        if "POST" in (each.methods or ()) and not each.path.startswith("/v1/") and each.path not in PROGRAMS
    }


PAGES = sorted(post_routes())


class Reached(Exception):
    """The endpoint has begun to work."""


class Untouched:
    """A pool, or a service, that nobody may use."""

    def __getattr__(self, name: str) -> Any:
        raise Reached(name)

    def __call__(self) -> Any:
        raise Reached


UNTOUCHED: Any = Untouched()


class Everything(AppContext):
    """A context that has every service."""

    def service(self, kind: type) -> Any:
        return UNTOUCHED


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """Made once: it has every route, and nothing that a test changes."""
    app = FastAPI()
    app.add_exception_handler(problem.Problem, problem.on_problem)
    for router in (*ROUTERS, *ISSUER_ROUTERS):
        app.include_router(router)
    app.dependency_overrides[current_caller] = lambda: AUTH_DISABLED_CALLER
    Everything(UNTOUCHED, UNTOUCHED, b"a secret of a test", UNTOUCHED).attach(app)
    return app


async def post(app: FastAPI, path: str, headers: Mapping[str, str]) -> httpx.Response | None:
    """The answer; None where the endpoint began to work."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as http:
        try:
            return await http.post(
                path.format(**PARAMETERS), data={"org": "housing"}, headers=dict(headers), cookies=DESK
            )
        except Reached:
            return None


DESK = {"pathline-desk-organisation": "housing"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("headers", FOREIGN, ids=repr)
@pytest.mark.parametrize("path", PAGES)
async def test_another_sites_form_is_refused_before_anything_is_done(
    app: FastAPI, path: str, headers: Mapping[str, str]
) -> None:
    answer = await post(app, path, headers)
    assert answer is not None
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pathline:problem:foreign-form")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("headers", OWN, ids=repr)
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_of_this_gateway_is_heard(app: FastAPI, path: str, headers: Mapping[str, str]) -> None:
    answer = await post(app, path, headers)
    assert answer is None or answer.status_code != 403


def dependencies_of(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from dependencies_of(each)


@pytest.mark.parametrize("path", PAGES)
def test_every_form_is_read_by_one_dependency(path: str) -> None:
    reads = own_form in set(dependencies_of(post_routes()[path].dependant))
    assert reads == (path not in CHECKED_BY_THEMSELVES)


def test_pages_of_the_console_the_desk_and_the_sign_in_are_among_them() -> None:
    assert len(PAGES) > 15
    assert {"/console/parked/replay", "/desk/referrals", "/sign-in", "/sign-out", "/issuer/authorize"} <= set(PAGES)
