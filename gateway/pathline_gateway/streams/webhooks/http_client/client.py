"""One request to a sink: bounded in time and in what is read of its answer, and never redirected."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.http_client.connection import ConnectionLost, HttpAnswer, HttpConnection
from pathline_gateway.streams.webhooks.http_client.connector import AddressRefused, HttpConnector, Resolve, resolve_name
from pathline_gateway.streams.webhooks.http_client.request import encode_request
from pathline_gateway.streams.webhooks.http_client.sink_url import Server, Sink

_KEEP_ALIVE_S: Final = 4.0
"""Servers that close idle connections do so after five seconds or more."""


class NoAnswer(Exception):
    """There was no answer; `reason` as in `outcome.NO_ANSWER`."""

    def __init__(self, reason: str, seconds: float) -> None:
        self.reason, self.seconds = reason, seconds
        super().__init__(reason)


class WebhookHttpClient:
    """Sends requests to sinks. One for a process: its connections are kept for the next event."""

    def __init__(
        self, policy: DeliveryPolicy, resolve: Resolve = resolve_name, tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls`: whom to trust; the system's authorities where nothing is said."""
        tls = tls or ssl.create_default_context()
        tls.set_alpn_protocols(["http/1.1"])
        self._request_s = policy.request_s
        self._connector = HttpConnector(resolve, tls, policy.connect_s)
        self._idle: defaultdict[Server, list[HttpConnection]] = defaultdict(list)
        """Those that were used last are last."""
        self._idle_timer: asyncio.TimerHandle | None = None

    async def send(self, method: str, sink: Sink, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        """What the sink answers. Raises NoAnswer; ValueError where a header is more than one line of ASCII."""
        started_at = time.monotonic()
        request = encode_request(method, sink.target, sink.host, headers, body)
        try:
            return await self._send(sink.server, request, started_at)
        except AddressRefused:
            reason = "address-refused"
        except TimeoutError:
            reason = "timed-out"
        except ConnectionLost as error:
            reason = "unreachable" if error.is_abrupt else "bad-answer"
        except OSError:
            reason = "unreachable"
        except Exception:  # whatever else a sink does to a client is the sink's failure, and nobody else's
            reason = "bad-answer"
        raise NoAnswer(reason, time.monotonic() - started_at)

    async def _send(self, server: Server, request: bytes, started_at: float) -> HttpAnswer:
        deadline = started_at + self._request_s
        connection = self._take_idle(server, started_at)
        if connection is not None:
            try:
                answer = await connection.send_request(request, started_at, deadline)
                return self._return_to_pool(server, connection, answer)
            except ConnectionLost as error:
                # The server closed what it had kept just as the request came. Most likely it read none of it, and if it
                # did, `webhook-id` tells it so: delivery is at least once.
                if error.response_started:
                    raise
        connection = await self._connector.connect(server, deadline)
        answer = await connection.send_request(request, started_at, deadline)
        return self._return_to_pool(server, connection, answer)

    def _return_to_pool(self, server: Server, connection: HttpConnection, answer: HttpAnswer) -> HttpAnswer:
        """The answer; its connection is kept for the next request, where it can be."""
        if connection.is_open:
            self._idle[server].append(connection)
            if self._idle_timer is None:
                self._idle_timer = asyncio.get_running_loop().call_later(_KEEP_ALIVE_S, self._close_idle)
        return answer

    def _take_idle(self, server: Server, now: float) -> HttpConnection | None:
        """The one that was used last, if the server did not close it and will not soon."""
        idle = self._idle[server]
        while idle:
            connection = idle.pop()
            if _is_fresh(connection, now):
                return connection
            connection.close()
        return None

    def _close_idle(self) -> None:
        """Connections that were not used for a while are closed."""
        now = time.monotonic()
        for server in list(self._idle):
            fresh = [each for each in self._idle[server] if _is_fresh(each, now)]
            for each in set(self._idle[server]).difference(fresh):
                each.close()
            self._idle[server] = fresh
            if not fresh:
                del self._idle[server]
        next_timer = asyncio.get_running_loop().call_later(_KEEP_ALIVE_S, self._close_idle) if self._idle else None
        self._idle_timer = next_timer

    async def aclose(self) -> None:
        """Closes all connections."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        while self._idle:
            for connection in self._idle.popitem()[1]:
                connection.close()
        await asyncio.sleep(0)  # the loop lets go of them in its next turn


def _is_fresh(connection: HttpConnection, now: float) -> bool:
    return connection.is_open and now - connection.used_at < _KEEP_ALIVE_S
