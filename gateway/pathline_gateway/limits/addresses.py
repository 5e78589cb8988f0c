"""Which callers share one budget before it is known who they are: those of one address."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

_IPV6_PREFIX = 64
"""One subscriber of a network has at least so many addresses of IPv6 for herself."""


@lru_cache(4_096)
def budget_key(host: str) -> str:
    """The address that a budget goes by: of IPv6 the network, and what is no address as it is."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _IPV6_PREFIX), strict=False))


def client_budget_key(scope: Scope) -> str:
    """Whose budget a request takes from as long as nobody is known."""
    client = scope.get("client")
    return budget_key(client[0]) if client else ""


class Proxies:
    """The reverse proxies that may say for whom they ask."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        """Addresses, or networks such as `10.0.0.0/8`. Raises ValueError."""
        self.networks = [ip_network(each, strict=False) for each in networks]

    @classmethod
    def parse(cls, value: str) -> Proxies:
        """Those of a list with commas. Raises ValueError."""
        return cls(each.strip() for each in value.split(",") if each.strip())

    def trusts(self, host: str) -> bool:
        """Whether this is one of them."""
        if not self.networks:
            return False
        try:
            address = ip_address(host)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any((mapped or address) in each for each in self.networks)
