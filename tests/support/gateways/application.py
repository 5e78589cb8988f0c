"""The application of a gateway that a test makes of some of its endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import current_caller
from pathline_gateway.web import problem
from pathline_gateway.web.context import AppContext

_free: dict[tuple[ModuleType, ...], list[FastAPI]] = {}
"""Applications that no test uses now. A route is compiled when it is first asked for, which takes hundredths of a
second: most tests would spend more on that than on what they ask."""


@contextmanager
def application(*modules: ModuleType, context: AppContext, caller: Callable[[], Caller]) -> Iterator[FastAPI]:
    """It serves the routers of these modules by this context, and is nobody else's inside the block."""
    free = _free.setdefault(modules, [])
    app = free.pop() if free else _made(modules)
    app.dependency_overrides = {current_caller: caller}
    context.attach(app)
    try:
        yield app
    finally:
        free.append(app)


def _made(modules: tuple[ModuleType, ...]) -> FastAPI:
    app = FastAPI()
    app.add_exception_handler(problem.Problem, problem.on_problem)
    app.add_exception_handler(RequestValidationError, problem.on_invalid_request)
    for module in modules:
        app.include_router(module.router)
    return app
