"""Before anybody is known: heads, bodies and connections that are too large, too slow or too many."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Iterator

import psutil
import pytest

from gateway.limits.attacker import answer, closed_within, connected, flood, head
from gateway.limits.neighbour import Neighbour
from support.gateways.process import Gateway, running

MIB = 1024 * 1024
SECONDS = {"HEAD_S": 2, "BODY_S": 3, "STALLED_S": 2, "IDLE_S": 2}
COUNTS = {"CONNECTIONS_OF_AN_ADDRESS": 3_200, "CONNECTIONS": 3_300}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    limits = {f"PATHLINE_LIMIT_{name}": str(number) for name, number in (SECONDS | COUNTS).items()}
    with running(tmp_path_factory.mktemp("edge"), **limits) as up:
        yield up


@pytest.fixture(scope="module")
def neighbour(gateway: Gateway) -> Iterator[Neighbour]:
    somebody = Neighbour(gateway.port, "/v1/organisations", gateway.process.pid)
    yield somebody
    somebody.gone()


def resident(gateway: Gateway) -> int:
    return psutil.Process(gateway.process.pid).memory_info().rss


@pytest.mark.limit("head-bytes")
@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET / HTTP/1.1\r\nhost: here\r\na: ", b"x" * 65_536),
        (b"GET / HTTP/1.1\r\nhost: here\r\n", b"a: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n" * 1_500),
        (b"GET /", b"x" * 65_536),
        (b"POST /v1/events HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"a: " + b"x" * 65_533),
    ],
    ids=["one long field", "many fields", "a long path", "trailers"],
)
def test_thirty_megabytes_of_a_head_are_not_collected(
    gateway: Gateway, neighbour: Neighbour, start: bytes, piece: bytes
) -> None:
    before = resident(gateway)
    with neighbour.served_as_before():
        attackers = [connected(gateway.port) for _ in range(8)]
        for attacker in attackers:
            attacker.sendall(start)
        taken = [flood(attacker, piece, 30 * MIB) for attacker in attackers]
        said = [answer(attacker) for attacker in attackers]
    assert max(taken) < 8 * MIB  # a kernel's buffers
    assert {each.status for each in said} == {431}
    assert {each.limit for each in said} <= {"head-bytes", "head-fields"}
    assert resident(gateway) - before < 40 * MIB
    for attacker in attackers:
        attacker.close()


@pytest.mark.limit("head-fields")
def test_many_short_fields_are_too_many(gateway: Gateway, neighbour: Neighbour) -> None:
    with neighbour.served_as_before(), connected(gateway.port) as attacker:
        attacker.sendall(head("GET", "/healthz", *["a: b"] * 129))
        said = answer(attacker)
    assert (said.status, said.reason, said.limit) == (431, "head-too-large", "head-fields")
    assert said.headers["ratelimit-policy"] == '"head-fields";q=128;qu="header-fields"'


@pytest.mark.limit("head-s")
def test_three_thousand_half_sent_heads_are_closed(gateway: Gateway, neighbour: Neighbour) -> None:
    with neighbour.served_as_before():
        attackers = []
        for _ in range(3_000):
            attackers.append(connected(gateway.port))
            attackers[-1].sendall(b"GET /healthz HTTP/1.1\r\nhost: ")
        said = [answer(attacker) for attacker in attackers]
        assert {(each.status, each.reason, each.limit) for each in said} == {(408, "too-slow", "head-s")}
        for attacker in attackers:
            attacker.close()


@pytest.mark.limit("head-s")
def test_a_letter_now_and_then_gives_no_more_time(gateway: Gateway, neighbour: Neighbour) -> None:
    with neighbour.served_as_before(), connected(gateway.port) as attacker:
        attacker.settimeout(0.1)
        for letter in head("GET", "/healthz", *["a: " + "b" * 40] * 20):
            attacker.sendall(bytes([letter]))
            try:
                if attacker.recv(1) == b"H":
                    break
            except TimeoutError:
                continue
        else:
            raise AssertionError("a whole head was taken")


def test_empty_lines_hold_no_connection(gateway: Gateway) -> None:
    with connected(gateway.port) as attacker:
        attacker.sendall(head("GET", "/healthz"))
        assert answer(attacker).status == 200
        attacker.sendall(b"\r\n")
        assert closed_within(attacker, 10)


@pytest.mark.limit("body-s")
def test_bodies_that_never_end_are_answered_and_closed(gateway: Gateway, neighbour: Neighbour) -> None:
    with neighbour.served_as_before():
        attackers = [connected(gateway.port) for _ in range(200)]
        for n, attacker in enumerate(attackers):
            path = ("/v1/events", "/v1/pathways/search", "/v1/subscriptions", "/desk/contact")[n % 4]
            attacker.sendall(head("POST", path, "content-type: application/json", "content-length: 100") + b"{")
        said = [answer(attacker) for attacker in attackers]
        # Some of hers run, some wait for their turn, and the others are too many: at the desk a page says so.
        assert {each.status for each in said} == {408, 429}
        assert {each.limit for each in said} <= {"body-s", "requests-waiting", None}
        assert all(closed_within(attacker, 10) for attacker in attackers)
        for attacker in attackers:
            attacker.close()


PATHS = ("/v1/events", "/v1/subscriptions", "/v1/pathways/search", "/console/pathways", "/no")


@pytest.mark.limit("body-bytes")
@pytest.mark.limit("events-bytes")
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_two_hundred_megabytes_are_refused_and_not_kept(gateway: Gateway, neighbour: Neighbour, chunked: bool) -> None:
    before = resident(gateway)
    how = "transfer-encoding: chunked" if chunked else f"content-length: {200 * MIB}"
    piece = b"10000\r\n" + b"[" * 65_536 + b"\r\n" if chunked else b"[" * 65_536
    with neighbour.served_as_before():
        attackers = [connected(gateway.port) for _ in PATHS]
        for path, attacker in zip(PATHS, attackers, strict=True):
            attacker.sendall(head("POST", path, "content-type: application/json", how))
        taken = [flood(attacker, piece, 200 * MIB) for attacker in attackers]
        said = [answer(attacker) for attacker in attackers]
        assert all(closed_within(attacker, 10) for attacker in attackers)
    limits = [(each.status, each.reason, each.limit) for each in said]
    most = [(413, "too-large", "events-bytes" if path == "/v1/events" else "body-bytes") for path in PATHS]
    # Two of them do not ask for the body, and answer without a look at it.
    assert limits == most if not chunked else limits[:3] == most[:3]
    assert max(taken) < 40 * MIB
    assert resident(gateway) - before < 120 * MIB
    for attacker in attackers:
        attacker.close()


@pytest.mark.limit("stalled-s")
def test_whoever_does_not_read_is_left(gateway: Gateway, neighbour: Neighbour) -> None:
    with neighbour.served_as_before():
        attacker = socket.socket()
        attacker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        attacker.bind(("127.0.0.2", 0))
        attacker.connect(("127.0.0.1", gateway.port))
        attacker.sendall(head("GET", "/openapi.json") * 20)
        gateway.until(lambda: _connections(gateway, attacker) == 0, "the connection is closed", 20)
    attacker.close()


def _connections(gateway: Gateway, attacker: socket.socket) -> int:
    open_now = psutil.Process(gateway.process.pid).net_connections("tcp")
    return sum(each.raddr[:2] == attacker.getsockname()[:2] for each in open_now if each.raddr)


@pytest.mark.limit("idle-s")
def test_an_idle_connection_is_closed(gateway: Gateway, neighbour: Neighbour) -> None:
    with neighbour.served_as_before(), connected(gateway.port) as attacker, connected(gateway.port) as silent:
        attacker.sendall(head("GET", "/healthz"))
        assert answer(attacker).status == 200
        assert closed_within(attacker, 10)
        assert closed_within(silent, 10)


@pytest.mark.limit("pipelined")
def test_requests_that_are_sent_ahead_are_not_kept_without_end(gateway: Gateway, neighbour: Neighbour) -> None:
    with neighbour.served_as_before(), connected(gateway.port) as attacker:
        flood(attacker, head("GET", "/v1/status") * 1_000, 10 * MIB)
        assert closed_within(attacker, 20)


@pytest.mark.limit("connections")
def test_where_all_connections_are_taken_a_newcomer_takes_that_of_the_greediest(
    gateway: Gateway, neighbour: Neighbour
) -> None:
    with neighbour.served_as_before():
        taken = [connected(gateway.port, f"127.0.1.{1 + n % 2}") for n in range(3_300)]
        with connected(gateway.port, "127.0.0.7") as newcomer:
            newcomer.sendall(head("GET", "/healthz"))
            assert answer(newcomer).status == 200
        for each in taken:
            each.close()


def test_what_is_no_http_is_answered_with_a_problem(gateway: Gateway) -> None:
    with connected(gateway.port) as attacker:
        attacker.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        said = answer(attacker)
    assert (said.status, said.reason) == (400, "malformed-request")
    assert said.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/events", "/sign-in", "/v1/pathways/search"])
@pytest.mark.parametrize("body", [b"zz\r\n", b"5\r\nhell"], ids=["no length", "cut short"])
def test_a_broken_body_is_answered_at_once(gateway: Gateway, path: str, body: bytes) -> None:
    fields = ("content-type: application/cloudevents+json", "transfer-encoding: chunked")
    with connected(gateway.port) as attacker:
        attacker.sendall(head("POST", path, *fields) + body)
        if body != b"zz\r\n":
            attacker.sendall(b"o!no end of a piece\r\n")
        began = time.monotonic()
        said = answer(attacker)
    assert (said.status, said.reason) == (400, "malformed-request")
    assert time.monotonic() - began < 2


def test_a_compressed_body_is_refused_for_what_it_is(gateway: Gateway) -> None:
    for path in ("/v1/events", "/v1/subscriptions"):
        said = gateway.http.post(path, content=b"\x1f\x8b", headers={"content-encoding": "gzip"})
        assert said.status_code == 415
        assert said.json()["type"] == "urn:pathline:problem:unsupported-content-encoding"
        assert said.headers["accept-encoding"] == "identity"


def test_a_storm_of_one_caller_is_hers_alone(gateway: Gateway, neighbour: Neighbour) -> None:
    request, statuses, asked = head("GET", "/v1/organisations"), set[int](), 0
    with neighbour.served_as_before(), selectors.DefaultSelector() as ready:
        attackers = [connected(gateway.port) for _ in range(300)]
        for attacker in attackers:
            ready.register(attacker, selectors.EVENT_READ, attacker)
            attacker.sendall(request)
        until = time.monotonic() + 60
        while asked < 900 and time.monotonic() < until:
            for key, _ in ready.select(0.1):
                attacker = key.data
                said = attacker.recv(65_536)
                if said.startswith(b"HTTP/1.1 "):
                    statuses.add(int(said[9:12]))
                    asked += 1
                    attacker.sendall(request)
        for attacker in attackers:
            attacker.close()
    assert statuses == {200, 429}
    assert asked >= 900


def test_probes_are_answered_while_others_attack(gateway: Gateway) -> None:
    probes = [Neighbour(gateway.port, path, gateway.process.pid) for path in ("/healthz", "/readyz", "/metrics")]
    with contextlib.ExitStack() as stack:
        for probe in probes:
            stack.enter_context(probe.served_as_before())
        attackers = [connected(gateway.port) for _ in range(300)]
        for attacker in attackers:
            attacker.sendall(head("GET", "/v1/organisations") * 5)
        for attacker in attackers:
            assert answer(attacker).status is not None
            attacker.close()
    for probe in probes:
        probe.gone()
