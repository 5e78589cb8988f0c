"""What endpoints ask for by their parameters: one context for each application, kept on its state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar

import asyncpg
from fastapi import Depends, FastAPI, Request

S = TypeVar("S")


class ServiceMissing(Exception):
    """An endpoint needs a service that its application does not have."""


@dataclass(frozen=True)
class AppContext:
    """The parts of a gateway that its endpoints work with."""

    pool: asyncpg.Pool
    """For requests."""
    slow_pool: asyncpg.Pool
    """For requests that look through more than one person's events."""
    secret: bytes
    """What the names that readers are given are keyed with."""
    clock: Callable[[], datetime]
    register_unknown: bool = False
    """Auth is off: whoever publishes is registered."""
    services: Sequence[object] = ()
    """One of each class: what the endpoints of single folders need besides."""

    def service(self, kind: type[S]) -> S:
        """The service of this class. Raises ServiceMissing."""
        for each in self.services:
            if isinstance(each, kind):
                return each
        raise ServiceMissing(f"no {kind.__name__} in the context of this application")

    def attach(self, app: FastAPI) -> None:
        """The endpoints of the application work with this."""
        app.state.context = self


# Coroutines throughout: the framework runs any other dependency in a thread, which costs more than what it does.
async def app_context(request: Request) -> AppContext:
    """The context of the application that serves the request."""
    context: AppContext = request.app.state.context
    return context


Context = Annotated[AppContext, Depends(app_context)]
"""A parameter of every endpoint that needs several parts."""


async def _pool(context: Context) -> asyncpg.Pool:
    return context.pool


async def _slow_pool(context: Context) -> asyncpg.Pool:
    return context.slow_pool


async def _clock(context: Context) -> Callable[[], datetime]:
    return context.clock


async def _register_unknown(context: Context) -> bool:
    return context.register_unknown


RequestPool = Annotated[asyncpg.Pool, Depends(_pool)]
SlowPool = Annotated[asyncpg.Pool, Depends(_slow_pool)]
Clock = Annotated[Callable[[], datetime], Depends(_clock)]
RegisterUnknown = Annotated[bool, Depends(_register_unknown)]


@dataclass(frozen=True)
class ServiceOf(Generic[S]):
    """A dependency: the service of this class."""

    kind: type[S]

    async def __call__(self, context: Context) -> S:
        """The service. Raises ServiceMissing."""
        return context.service(self.kind)


def service(kind: type[S]) -> ServiceOf[S]:
    """A dependency that gives the service of this class."""
    return ServiceOf(kind)
