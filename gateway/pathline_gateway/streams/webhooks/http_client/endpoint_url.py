"""Where events may be posted, by what its URL says. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pathline_gateway.streams.webhooks.http_client.address_filter import AddressScope

LONGEST: Final = 2_048
_PORTS: Final = {"https": 443, "http": 80}
_WRITTEN: Final = re.compile(r"[!-~]+", re.ASCII)


class WrongSink(ValueError):
    """Events may not be posted there: what to write instead. Never the URL: it may hold a password."""


class Server(NamedTuple):
    """Whom a connection is with."""

    name: str
    port: int
    encrypted: bool
    reach: AddressScope
    """Where its name may lead."""


class Sink(NamedTuple):
    """A sink that is written as it must be."""

    server: Server
    host: str
    """The server's name and port, as the header says them."""
    target: str
    """What is posted to there."""

    @property
    def reach(self) -> AddressScope:
        """Where its name may lead."""
        return self.server.reach


@lru_cache(maxsize=4_096)  # it is asked for at every request
def sink(url: str, *, private: bool) -> Sink:
    """The sink of this URL; `private`: it may be in one's own network. Raises WrongSink."""
    if len(url) > LONGEST or _WRITTEN.fullmatch(url) is None:
        raise WrongSink(f"must be a URL in ASCII of at most {LONGEST} characters")
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
    return _written(parts, port, private=private)


def _written(parts: SplitResult, port: int | None, *, private: bool) -> Sink:
    name, encrypted = parts.hostname or "", parts.scheme == "https"
    own = AddressScope.PRIVATE if encrypted else AddressScope.LOOPBACK
    usual = _PORTS[parts.scheme]
    port = usual if port is None else port
    server = Server(name, port, encrypted, own if private else AddressScope.PUBLIC)
    host = f"[{name}]" if ":" in name else name
    host = host if port == usual else f"{host}:{port}"
    return Sink(server, host, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
