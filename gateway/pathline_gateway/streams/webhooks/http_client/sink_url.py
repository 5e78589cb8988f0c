"""Where events may be posted, by what its URL says. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pathline_gateway.streams.webhooks.http_client.address_filter import AddressScope

MAX_LENGTH: Final = 2_048
_PORTS: Final = {"https": 443, "http": 80}
_PRINTABLE_ASCII: Final = re.compile(r"[!-~]+", re.ASCII)


class WrongSink(ValueError):
    """Events may not be posted there: what to write instead. Never the URL: it may hold a password."""


class Server(NamedTuple):
    """Whom a connection is with."""

    name: str
    port: int
    uses_tls: bool
    address_scope: AddressScope
    """Where its name may lead."""


class Sink(NamedTuple):
    """A sink that is written as it must be."""

    server: Server
    host: str
    """The server's name and port, as the header says them."""
    target: str
    """What is posted to there."""

    @property
    def address_scope(self) -> AddressScope:
        """Where its name may lead."""
        return self.server.address_scope


@lru_cache(maxsize=4_096)  # it is asked for at every request
def parse_sink(url: str, *, private: bool) -> Sink:
    """The sink of this URL; `private`: it may be in one's own network. Raises WrongSink."""
    if len(url) > MAX_LENGTH or _PRINTABLE_ASCII.fullmatch(url) is None:
        raise WrongSink(f"must be a URL in ASCII of at most {MAX_LENGTH} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WrongSink("must be a URL such as https://example.org/events") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise WrongSink("must be a URL such as https://example.org/events")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise WrongSink("must have no user, no password and no fragment: what is posted is signed")
    if parts.scheme == "http" and not private:
        raise WrongSink("must be https")
    if not private and port not in (None, 443):
        raise WrongSink("must be at port 443")
    return _build_sink(parts, port, private=private)


def _build_sink(parts: SplitResult, port: int | None, *, private: bool) -> Sink:
    name, uses_tls = parts.hostname or "", parts.scheme == "https"
    private_scope = AddressScope.PRIVATE if uses_tls else AddressScope.LOOPBACK
    default_port = _PORTS[parts.scheme]
    port = default_port if port is None else port
    server = Server(name, port, uses_tls, private_scope if private else AddressScope.PUBLIC)
    host = f"[{name}]" if ":" in name else name
    host = host if port == default_port else f"{host}:{port}"
    return Sink(server, host, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
