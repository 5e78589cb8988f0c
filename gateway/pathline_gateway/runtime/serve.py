"""`pathline-gateway up`: one gateway process, from its port to its last request."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from pathlib import Path
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from pathline_gateway.auth.dev_issuer.issuer import Issuer
from pathline_gateway.auth.dev_issuer.issuer import load_or_create_issuer as embedded_issuer
from pathline_gateway.embedded import ChildFailed
from pathline_gateway.embedded import run_machine as embedded_machine
from pathline_gateway.limits.addresses import Proxies
from pathline_gateway.limits.connections import Connections
from pathline_gateway.limits.http_protocol import BoundedHttp
from pathline_gateway.runtime.child_processes import kept_running
from pathline_gateway.runtime.demo import render_hints, run_demo
from pathline_gateway.runtime.file_limits import raise_open_file_limit
from pathline_gateway.runtime.gateway import run_gateway
from pathline_gateway.runtime.gc_tuning import freeze_gc
from pathline_gateway.runtime.http_app import build_app
from pathline_gateway.runtime.intake_worker import watch_input
from pathline_gateway.runtime.intake_worker_pool import sibling_workers
from pathline_gateway.runtime.listening import bind_listener
from pathline_gateway.runtime.serving_pool import reserve_port, run_serving_processes
from pathline_gateway.settings import Settings
from pathline_gateway.telemetry.metrics_exchange import MetricsExchange, opened

_ASSIGNMENT_TIMEOUT_S = 60.0
"""A broker that answers assigns partitions within its longest session timeout."""
_PROCESSES_START_TIMEOUT_S = 2 * _ASSIGNMENT_TIMEOUT_S
"""Longest wait for all processes of `--serve`: each has so long, and starts beside the others."""


class NoPartitions(Exception):
    """The broker answers, and gives intake no partitions."""


async def serve_gateway(settings: Settings, data: Path | None, demo: bool) -> None:
    """Serves until SIGTERM or SIGINT, in as many processes as the settings say.

    Raises CannotListen before anything is started; ChildFailed when a part of the embedded machine ends by itself.
    """
    raise_open_file_limit()
    server = _Server.stopped_by_signals()
    async with contextlib.AsyncExitStack() as stack:
        if settings.serve_processes > 1:
            port = stack.enter_context(reserve_port(settings))
            settings = await _with_machine(stack, settings, data, server)
            await _serve_in_processes(stack, server, settings, port, data, demo)
        else:
            listener = stack.enter_context(bind_listener(settings.host, settings.port))
            settings = await _with_machine(stack, settings, data, server)
            if settings.intake_processes == 1:
                metrics = MetricsExchange()
            else:
                metrics = stack.enter_context(opened("up"))
                # Beside our own start, so that all join the group at once and it settles once.
                await stack.enter_async_context(kept_running(sibling_workers(settings, metrics)))
            await _serve_here(stack, server, settings, listener, data, demo, metrics)
    if server.failure is not None:
        raise server.failure


async def serve_process(settings: Settings, metrics: MetricsExchange, until_eof: bool) -> None:
    """One of several that share a port: serves until SIGTERM or SIGINT, or until standard input ends."""
    raise_open_file_limit()
    server = _Server.stopped_by_signals()
    if until_eof:
        await watch_input(server.stop)
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(bind_listener(settings.host, settings.port, shared=True))
        await _serve_here(stack, server, settings, listener, None, False, metrics)


async def _with_machine(
    stack: contextlib.AsyncExitStack, settings: Settings, data: Path | None, server: _Server
) -> Settings:
    """The settings for the embedded machine, which runs now; or these, where there is none."""
    if data is None:
        return settings
    machine = await stack.enter_async_context(embedded_machine(data, on_loss=server.on_child_failed))
    _print_line("embedded: interactions are durable in Postgres, the broker's log is not; 202 waits for Postgres")
    _print_line("embedded: every account of this machine may publish to its broker as any organisation")
    return settings.for_embedded_machine(machine.kafka, machine.database, machine.cluster_id)


async def _serve_in_processes(
    stack: contextlib.AsyncExitStack, server: _Server, settings: Settings, port: int, data: Path | None, demo: bool
) -> None:
    metrics = stack.enter_context(opened("up"))
    await stack.enter_async_context(metrics.served())
    serving = run_serving_processes(settings, port, metrics)
    if not await server.wait_unless_stopped(_enter(stack, serving), _PROCESSES_START_TIMEOUT_S):
        return
    if data is not None and demo:
        await stack.enter_async_context(run_demo(data.expanduser().resolve(), settings.kafka))
    url = f"http://{settings.host}:{port}"
    hints = await render_hints(url) if demo else ""
    _print_line(f"ready {url}\n{hints}".rstrip())
    await server.wait_stopped()


async def _enter(stack: contextlib.AsyncExitStack, context: contextlib.AbstractAsyncContextManager[None]) -> None:
    await stack.enter_async_context(context)


async def _serve_here(
    stack: contextlib.AsyncExitStack,
    server: _Server,
    settings: Settings,
    listener: socket.socket,
    data: Path | None,
    demo: bool,
    metrics: MetricsExchange,
) -> None:
    await stack.enter_async_context(metrics.served())
    gateway = await stack.enter_async_context(run_gateway(settings, metrics))
    _print_line(str(gateway.broker))
    if settings.dev_auth == "off":
        _print_line("auth is off: every caller is operator; for one machine only")
    if not await server.wait_unless_stopped(gateway.intake.wait_assigned(), _ASSIGNMENT_TIMEOUT_S):
        return
    if data is not None and demo:
        await stack.enter_async_context(run_demo(data.expanduser().resolve(), settings.kafka))
    freeze_gc()
    url = f"http://{settings.host}:{listener.getsockname()[1]}"
    issuer = _build_issuer(settings, data, url)
    hints = await render_hints(url) if demo else ""
    config = _build_uvicorn_config(build_app(gateway, issuer), settings)
    await server.run(config, listener, url, hints, gateway.listeners.close)


def _build_issuer(settings: Settings, data: Path | None, url: str) -> Issuer | None:
    """The issuer of one machine; none in production, where others say who is who, and none while auth is off."""
    if data is None or settings.dev_auth == "off" or settings.issuer is not None:
        return None
    issuer = embedded_issuer(data.expanduser(), f"{url}/issuer")
    _print_line(
        f"auth is on: `pathline-gateway token operator --data {data}` prints a token of this machine's own issuer"
    )
    return issuer


def _build_uvicorn_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """uvicorn within our limits."""
    limits, proxies = settings.limits, Proxies.parse(settings.trusted_proxies)
    return uvicorn.Config(
        app,
        # uvicorn takes what makes a protocol, too, though its types know classes only.
        http=cast(
            type[asyncio.Protocol],
            partial(BoundedHttp, limits=limits, connections=Connections(limits), proxies=proxies),
        ),
        proxy_headers=bool(proxies.networks),
        forwarded_allow_ips=[str(each) for each in proxies.networks],
        timeout_keep_alive=limits.idle_s,
        log_level=settings.log_level,
        log_config=None,  # its lines have the form of all others
        access_log=False,
        timeout_graceful_shutdown=20,
    )


class _Server:
    """uvicorn, stopped by us: its own handling of signals would end the process before the rest has stopped."""

    def __init__(self) -> None:
        self.failure: ChildFailed | None = None
        self._stop = asyncio.Event()

    @classmethod
    def stopped_by_signals(cls) -> _Server:
        """It stops at SIGTERM and SIGINT."""
        server = cls()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        return server

    def stop(self) -> None:
        """Requests in progress are answered; no other is accepted."""
        self._stop.set()

    def on_child_failed(self, failure: ChildFailed) -> None:
        """The embedded machine is broken: everything stops, and says why."""
        self.failure = failure
        self._stop.set()

    async def wait_stopped(self) -> None:
        """There was a request to stop."""
        await self._stop.wait()

    async def wait_unless_stopped(self, event: Coroutine[Any, Any, None], timeout_s: float) -> bool:
        """Whether the event came before a request to stop. Raises NoPartitions when neither came in time, and what the
        event raises."""
        tasks = [asyncio.create_task(event), asyncio.create_task(self._stop.wait())]
        try:
            done, _ = await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.wait(tasks)
        if not done:
            raise NoPartitions(f"the broker gave intake no partitions within {timeout_s:.0f} s: look at its log")
        if tasks[0] in done:
            tasks[0].result()
        return not self._stop.is_set()

    async def run(
        self, config: uvicorn.Config, listener: socket.socket, url: str, hints: str, on_stop: Callable[[], None]
    ) -> None:
        """Serves until a request to stop; then `on_stop` ends the answers that would never end by themselves."""
        server = _Quiet(config)
        stop_task = asyncio.create_task(self._forward_stop(server, on_stop))
        server.announcement = f"ready {url}\n{hints}".rstrip()
        try:
            await server.serve(sockets=[listener])
        finally:
            stop_task.cancel()

    async def _forward_stop(self, server: uvicorn.Server, on_stop: Callable[[], None]) -> None:
        await self._stop.wait()
        server.should_exit = True
        on_stop()


class _Quiet(uvicorn.Server):
    """uvicorn that leaves signals alone and says where it listens once it does."""

    announcement = ""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing is captured here."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, and says so."""
        await super().startup(sockets)
        if self.started:
            _print_line(self.announcement)


def _print_line(text: str) -> None:
    print(text, flush=True)
