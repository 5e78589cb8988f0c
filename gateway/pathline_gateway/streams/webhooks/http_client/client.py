"""One request to a sink: bounded in time and in what is read of its answer, and never redirected."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from pathline_gateway.streams.webhooks.http_client.connection import ConnectionLost, HttpAnswer, HttpConnection
from pathline_gateway.streams.webhooks.http_client.connector import AddressRefused, Connecting, Resolve, resolved
from pathline_gateway.streams.webhooks.http_client.endpoint_url import Server, Sink
from pathline_gateway.streams.webhooks.http_client.request import written
from pathline_gateway.streams.webhooks.retry_policy import Policy

_KEPT_S: Final = 4.0
"""Servers that close idle connections do so after five seconds or more."""


class NoAnswer(Exception):
    """There was no answer; `reason` as in `outcome.NO_ANSWER`."""

    def __init__(self, reason: str, seconds: float) -> None:
        self.reason, self.seconds = reason, seconds
        super().__init__(reason)


class WebhookHttpClient:
    """Sends requests to sinks. One for a process: its connections are kept for the next event."""

    def __init__(self, policy: Policy, resolve: Resolve = resolved, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: whom to trust; the system's authorities where nothing is said."""
        tls = tls or ssl.create_default_context()
        tls.set_alpn_protocols(["http/1.1"])
        self._request_s = policy.request_s
        self._connecting = Connecting(resolve, tls, policy.connect_s)
        self._idle: defaultdict[Server, list[HttpConnection]] = defaultdict(list)
        """Those that were used last are last."""
        self._letting_go: asyncio.TimerHandle | None = None

    async def send(self, method: str, sink: Sink, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        """What the sink answers. Raises NoAnswer; ValueError where a header is more than one line of ASCII."""
        began = time.monotonic()
        request = written(method, sink.target, sink.host, headers, body)
        try:
            return await self._send(sink.server, request, began)
        except AddressRefused:
            reason = "address-refused"
        except TimeoutError:
            reason = "timed-out"
        except ConnectionLost as lost:
            reason = "unreachable" if lost.broken else "bad-answer"
        except OSError:
            reason = "unreachable"
        except Exception:  # whatever else a sink does to a client is the sink's failure, and nobody else's
            reason = "bad-answer"
        raise NoAnswer(reason, time.monotonic() - began)

    async def _send(self, server: Server, request: bytes, began: float) -> HttpAnswer:
        until = began + self._request_s
        connection = self._kept(server, began)
        if connection is not None:
            try:
                answer = await connection.ask(request, began, until)
                return self._keep(server, connection, answer)
            except ConnectionLost as lost:
                # The server closed what it had kept just as the request came. Most likely it read none of it, and if it
                # did, `webhook-id` tells it so: delivery is at least once.
                if lost.begun:
                    raise
        connection = await self._connecting.to(server, until)
        answer = await connection.ask(request, began, until)
        return self._keep(server, connection, answer)

    def _keep(self, server: Server, connection: HttpConnection, answer: HttpAnswer) -> HttpAnswer:
        """The answer; its connection is kept for the next request, where it can be."""
        if connection.is_open:
            self._idle[server].append(connection)
            if self._letting_go is None:
                self._letting_go = asyncio.get_running_loop().call_later(_KEPT_S, self._let_go)
        return answer

    def _kept(self, server: Server, now: float) -> HttpConnection | None:
        """The one that was used last, if the server did not close it and will not soon."""
        idle = self._idle[server]
        while idle:
            connection = idle.pop()
            if _is_fresh(connection, now):
                return connection
            connection.close()
        return None

    def _let_go(self) -> None:
        """Connections that were not used for a while are closed."""
        now = time.monotonic()
        for server in list(self._idle):
            fresh = [each for each in self._idle[server] if _is_fresh(each, now)]
            for each in set(self._idle[server]).difference(fresh):
                each.close()
            self._idle[server] = fresh
            if not fresh:
                del self._idle[server]
        again = asyncio.get_running_loop().call_later(_KEPT_S, self._let_go) if self._idle else None
        self._letting_go = again

    async def aclose(self) -> None:
        """No connection is left."""
        if self._letting_go is not None:
            self._letting_go.cancel()
            self._letting_go = None
        while self._idle:
            for connection in self._idle.popitem()[1]:
                connection.close()
        await asyncio.sleep(0)  # the loop lets go of them in its next turn


def _is_fresh(connection: HttpConnection, now: float) -> bool:
    return connection.is_open and now - connection.used_at < _KEPT_S
