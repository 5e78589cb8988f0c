"""Which addresses a sink may have: public ones, so that nobody reaches into a network by subscribing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final


class AddressScope(Enum):
    """Where connections may go."""

    PUBLIC = "public"
    """Addresses of the public internet alone."""
    PRIVATE = "private"
    """Those of one's own network, too."""
    LOOPBACK = "loopback"
    """This machine alone: what is not encrypted."""


_MAPPED: Final = ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96")
_TRANSLATED: Final = ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
_EMBEDS_IPV4: Final = tuple(ip_network(each) for each in (*_MAPPED, *_TRANSLATED))
"""IPv6 addresses that stand for an IPv4 one: compatible, mapped, translated (NAT64), Teredo, 6to4."""
_NOT_PUBLIC: Final = tuple(
    ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4", "fec0::/10")
)


def is_allowed(address: str, scope: AddressScope) -> bool:
    """Whether a connection may go to this address; what is no address may not be reached."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if ip.is_multicast or ip.is_unspecified or ip == IPv4Address("255.255.255.255"):
        return False
    if scope is AddressScope.LOOPBACK:
        return ip.is_loopback
    return scope is AddressScope.PRIVATE or _is_public(ip)


def are_all_allowed(addresses: Sequence[str], scope: AddressScope) -> bool:
    """Whether a name may be connected to that has these addresses: one that may not is one too many."""
    return bool(addresses) and all(is_allowed(each, scope) for each in addresses)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if not ip.is_global or ip.is_reserved:
        return False
    # An address with a scope (`fe80::1%eth0`) is in no network.
    return not any(ip in each for each in (*_NOT_PUBLIC, *_EMBEDS_IPV4) if each.version == ip.version)
