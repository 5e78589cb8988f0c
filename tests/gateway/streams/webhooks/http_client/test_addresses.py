"""Nothing is posted to where nobody may reach by subscribing, whatever a name is said to be and whenever."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from gateway.streams.webhooks.http_client.certificate import trusting
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.http_client.address_filter import (
    AddressScope,
    are_all_allowed,
    is_allowed,
)
from pathline_gateway.streams.webhooks.http_client.client import NoAnswer, WebhookHttpClient
from pathline_gateway.streams.webhooks.http_client.sink_url import WrongSink, parse_sink
from pathline_gateway.streams.webhooks.signature import new_secret, signatures
from pathline_gateway.web.problem import Problem
from support.gateways.routes import GatewayRoutes
from support.gateways.webhook_workers import QUICK, run_webhook_workers, status, subscribe_by_webhook
from support.intake.history import step
from support.servers.webhook_receiver import Reply, listening

NOT_PUBLIC = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "192.0.0.8",
    "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "fc00::1", "fd12::1", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1", "not an address", "",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_reached_by_nobody(address: str) -> None:
    assert not is_allowed(address, AddressScope.PUBLIC)
    assert not are_all_allowed(["8.8.8.8", address], AddressScope.PUBLIC)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"])
def test_a_public_address_may_be_reached(address: str) -> None:
    assert is_allowed(address, AddressScope.PUBLIC)
    assert is_allowed(address, AddressScope.PRIVATE)
    assert not is_allowed(address, AddressScope.LOOPBACK)


@given(st.ip_addresses())
def test_whatever_stands_for_another_address_or_is_nobodys_own_is_not_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_allowed(str(address), AddressScope.PUBLIC):
        assert address.is_global
        assert not any((address.is_private, address.is_loopback, address.is_link_local, address.is_multicast))
        if isinstance(address, ipaddress.IPv6Address):
            assert (address.ipv4_mapped, address.sixtofour, address.teredo) == (None, None, None)
    if isinstance(address, ipaddress.IPv4Address):
        for prefix in ("::ffff:", "64:ff9b::"):
            assert not is_allowed(f"{prefix}{address}", AddressScope.PUBLIC)


def test_no_address_is_as_bad_as_a_wrong_one() -> None:
    assert not are_all_allowed([], AddressScope.PUBLIC)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "https://example.org:8443/", "https://me@example.org/", "https://example.org/#part",
        "https:///path", "https://", "file:///etc/passwd", "https://exämple.org/", "https://example.org/a b",
        "https://example.org\\@127.0.0.1/x y", "https://example.org:x/", "https://[::1/", "//example.org",
        "https://example.org/" + "x" * 3_000,
    ],
)  # fmt: skip
def test_a_url_is_refused_that_is_not_plain_https(url: str) -> None:
    with pytest.raises(WrongSink) as refused:
        parse_sink(url, private=False)
    assert "example" not in str(refused.value).replace("https://example.org/events", "")


def test_where_a_url_may_lead_depends_on_what_it_is() -> None:
    assert parse_sink("https://example.org/events?a=b", private=False).address_scope is AddressScope.PUBLIC
    assert parse_sink("https://example.org:443/", private=False).address_scope is AddressScope.PUBLIC
    assert parse_sink("https://intranet:8443/", private=True).address_scope is AddressScope.PRIVATE
    assert parse_sink("http://127.0.0.1:8080/", private=True).address_scope is AddressScope.LOOPBACK


@given(st.binary(max_size=200), st.integers(0, 2**31), st.integers(1, 3))
def test_what_we_sign_the_official_library_signs_the_same(body: bytes, timestamp: int, n: int) -> None:
    keys = [new_secret() for _ in range(n)]
    text = body.hex()
    at = dt.datetime.fromtimestamp(timestamp, dt.UTC)
    expected = [Webhook(key).sign("id-1", at, text) for key in keys]
    assert signatures(keys, "id-1", timestamp, text.encode()) == " ".join(expected)


class Names:
    """A name server that says something else each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, name: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_a_name_that_leads_into_the_network_is_refused_at_every_connection() -> None:
    for reach_of in ("127.0.0.1", "10.0.0.1", "::1", "::ffff:169.254.169.254"):
        poster = WebhookHttpClient(
            DeliveryPolicy(connect_s=0.2, request_s=0.5), Names(["192.0.2.1"], [reach_of], ["8.8.8.8", reach_of])
        )
        for _ in range(3):
            with pytest.raises(NoAnswer) as refused:
                await poster.send("POST", parse_sink("https://rebinding.test/", private=False), {})
            assert refused.value.reason == "address-refused"
        await poster.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_this_machine_is_reached_by_no_spelling_of_its_address(host: str) -> None:
    poster = WebhookHttpClient(DeliveryPolicy())
    with pytest.raises(NoAnswer) as refused:
        await poster.send("OPTIONS", parse_sink(f"https://{host}/", private=False), {})
    assert refused.value.reason == "address-refused"
    await poster.aclose()


async def test_a_name_that_moved_into_the_network_after_the_handshake_is_posted_to_no_more(
    gateway: GatewayRoutes, tls: tuple[Path, Path]
) -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    certificate, key = tls
    async with listening(ssl_certfile=str(certificate), ssl_keyfile=str(key)) as receiver:
        poster = WebhookHttpClient(QUICK, names, trusting(certificate))
        rig_sinks = replace(gateway.webhook_sender, http_client=poster)
        url = receiver.url.replace("127.0.0.1", "sink.test")
        assert await rig_sinks.verify(url) is None
        assert receiver.asked[0].headers["host"].startswith("sink.test")
        await poster.aclose()
        poster = WebhookHttpClient(QUICK, names, trusting(certificate))
        with pytest.raises(Problem) as refused:
            await replace(rig_sinks, http_client=poster).verify(url)
        assert refused.value.reason == "sink-not-reached"
        await poster.aclose()
    assert names.asked == 2
    assert len(receiver.asked) == 1


async def test_tls_is_of_the_name_and_not_of_the_address(tls: tuple[Path, Path]) -> None:
    certificate, key = tls
    async with listening(ssl_certfile=str(certificate), ssl_keyfile=str(key)) as receiver:
        poster = WebhookHttpClient(DeliveryPolicy(), Names(["127.0.0.1"]), trusting(certificate))
        for name, reached in (("sink.test", True), ("other.test", False)):
            url = receiver.url.replace("127.0.0.1", name)
            if reached:
                assert (await poster.send("POST", parse_sink(url, private=True), {}, b"x")).status == 204
                continue
            with pytest.raises(NoAnswer) as refused:
                await poster.send("POST", parse_sink(url, private=True), {})
            assert refused.value.reason == "unreachable"
        await poster.aclose()
        nobody = WebhookHttpClient(DeliveryPolicy(), Names(["127.0.0.1"]))
        with pytest.raises(NoAnswer):
            await nobody.send("POST", parse_sink(receiver.url.replace("127.0.0.1", "sink.test"), private=True), {})
        await nobody.aclose()
    assert [each.body for each in receiver.posted] == [b"x"]


async def test_a_sink_is_posted_to_no_more_once_private_ones_are_not_allowed(gateway: GatewayRoutes) -> None:
    async with listening() as receiver:
        id, _ = await subscribe_by_webhook(gateway, receiver)
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        async with run_webhook_workers(gateway, private=False):
            while (said := await status(gateway, id))["last_failure"] is None:
                await asyncio.sleep(0.02)
        assert said["last_failure"]["reason"] == "unreachable"  # and not why: that would list names of our network
        assert receiver.posted == []


@pytest.mark.parametrize("resolve", [OSError("no such name"), UnicodeError("label too long")])
async def test_a_name_that_nobody_knows_is_not_reached(resolve: Exception) -> None:
    async def fails(name: str, port: int) -> Sequence[str]:
        raise resolve

    poster = WebhookHttpClient(DeliveryPolicy(), fails)
    with pytest.raises(NoAnswer) as failed:
        await poster.send("POST", parse_sink("https://nowhere.test/", private=False), {})
    assert failed.value.reason == "unreachable"
    await poster.aclose()


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    async with listening() as receiver:
        receiver.answer = never
        poster = WebhookHttpClient(DeliveryPolicy(request_s=0.2))
        with pytest.raises(NoAnswer) as failed:
            await poster.send("POST", parse_sink(receiver.url, private=True), {})
        assert failed.value.reason == "timed-out"
        await poster.aclose()


async def never(_: object) -> Reply:
    await asyncio.sleep(30)
    return Reply()
