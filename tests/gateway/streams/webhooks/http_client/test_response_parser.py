"""However the bytes of an answer are cut, the same is read of them, and nobody's bytes do more than fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pathline_gateway.streams.webhooks.http_client.request import encode_request
from pathline_gateway.streams.webhooks.http_client.response_parser import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    BadAnswer,
    ResponseParser,
)


class Read(NamedTuple):
    """What is read of an answer."""

    status: int
    """0 where it is none."""
    headers: dict[str, str]
    over: bool
    again: bool


def read(pieces: Iterable[bytes], answers: ResponseParser | None = None) -> Read:
    """What a connection makes of these pieces: what comes once the answer is over is nobody's."""
    answers = answers or ResponseParser()
    answers.begin()
    try:
        for piece in pieces:
            if answers.is_complete:
                return Read(answers.status, answers.headers, True, False)
            answers.feed(piece)
    except BadAnswer:
        assert answers.status == 0
        return Read(0, {}, True, False)
    return Read(answers.status, answers.headers if answers.status else {}, answers.is_complete, answers.is_reusable)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """At these places; no piece is empty."""
    ends = [0, *sorted({place % len(data) for place in places}), len(data)] if data else [0]
    return [data[a:b] for a, b in pairwise(ends) if a < b]


@dataclass(frozen=True)
class Written:
    """An answer as a server may write it."""

    head: bytes
    body: bytes
    closes: bool = False
    """Its end is that of the connection."""

    @property
    def all(self) -> bytes:
        return self.head + self.body


TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_!#$", min_size=1, max_size=12)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]), max_size=20)
FRAMING = ("content-length", "transfer-encoding", "connection", "upgrade", "proxy-connection")
HEADERS = st.lists(st.tuples(TOKEN.filter(lambda name: name.lower() not in FRAMING), VALUE), max_size=5)
SPACE = st.sampled_from(["", " ", "  ", "\t"])
BODY = st.binary(max_size=60)


@st.composite
def heads(draw: st.DrawFn, status: int, framing: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {draw(st.sampled_from(['OK', 'No Content', 'é!', '']))}"]
    for name, value in draw(st.permutations([*draw(HEADERS), *framing])):
        # llhttp takes `chunked` with a tab after it for a coding it does not know, and reads until the end.
        lines.append(f"{name}:{draw(SPACE)}{value}{'' if (name, value) in framing else draw(SPACE)}")
    end = draw(st.sampled_from(["\r\n", "\r\n", "\n"]))
    return (end.join(lines) + end + end).encode("latin-1")


@st.composite
def chunks(draw: st.DrawFn) -> bytes:
    said = b""
    for chunk in draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4)):
        said += b"%x%s\r\n%s\r\n" % (len(chunk), draw(st.sampled_from([b"", b";a=b"])), chunk)
    return said + b"0\r\n" + draw(st.sampled_from([b"", b"retry-after: 7\r\n", b"x: 1\r\ny: 2\r\n"])) + b"\r\n"


@st.composite
def answers(draw: st.DrawFn) -> Written:
    before = b""
    for status in draw(st.lists(st.sampled_from([100, 102, 103]), max_size=2)):
        before += draw(heads(status, []))
    status = draw(st.sampled_from([200, 201, 204, 301, 304, 400, 410, 429, 500, 503, 599]))
    if status in (204, 304):
        return Written(before + draw(heads(status, [])), b"")
    how = draw(st.sampled_from(["length", "chunked", "close"]))
    if how == "chunked":
        return Written(before + draw(heads(status, [("Transfer-Encoding", "chunked")])), draw(chunks()))
    body = draw(BODY)
    if how == "length":
        return Written(before + draw(heads(status, [("Content-Length", str(len(body)))])), body)
    return Written(before + draw(heads(status, [])), body, closes=True)


def as_another_reads(data: bytes) -> tuple[int, dict[str, str], bool]:
    """Status, headers, and whether all of it came, as h11 has them."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("host", "a"), ("content-length", "0")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    status, headers = 0, {}
    while (event := client.next_event()) is not h11.NEED_DATA and event is not h11.PAUSED:
        if isinstance(event, h11.Response):
            status = event.status_code
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        if isinstance(event, h11.EndOfMessage):
            return status, headers, True
    return status, headers, False


CUTS = st.lists(st.integers(0, 2_000), max_size=12)


@given(answers(), CUTS)
def test_an_answer_is_read_as_another_library_reads_it_however_it_is_cut(answer: Written, places: list[int]) -> None:
    found = read(cut(answer.all, places))
    assert (found.status, found.headers, found.over) == as_another_reads(answer.all)
    assert found.over is found.again is not answer.closes
    assert read(bytes([each]) for each in answer.all) == found


@given(answers(), st.sampled_from([b"x", b"HTTP/1.1 200 OK\r\n\r\n", b"\x00", b"HTTP/1.1 100 Continue\r\n\r\n"]), CUTS)
def test_a_connection_is_used_no_more_on_which_more_came_than_an_answer(
    answer: Written, more: bytes, places: list[int]
) -> None:
    found = read(cut(answer.all + more, places))
    assert (found.status, found.headers) == as_another_reads(answer.all)[:2]
    assert not found.again


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """An answer in which some bytes are others, or missing, or come twice."""
    data = draw(answers()).all
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        put = draw(
            st.sampled_from([b"", b"\r", b"\n", b"\x00", b" ", b":", b"\r\n", b"0", b"9", data[at : at + 5] * 2])
        )
        data = data[:at] + put + data[at + draw(st.integers(0, 2)) :]
    return data


@given(spoilt() | st.binary(max_size=80), CUTS)
@example(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n", [3])
@example(b"HTTP/1.1 200 OK\r\nx: a\r\n  b\r\n\r\n", [19, 20, 21, 22])
def test_what_is_no_answer_is_as_little_one_however_it_is_cut(data: bytes, places: list[int]) -> None:
    whole, pieces = read([data]), read(cut(data, places))
    assert (pieces.status, pieces.headers) == (whole.status, whole.headers)
    if whole.again:
        assert pieces.over


@given(st.lists(answers().filter(lambda each: not each.closes), min_size=1, max_size=4))
def test_nothing_of_an_answer_is_left_for_the_next(all: list[Written]) -> None:
    one = ResponseParser()
    for each in all:
        assert read([each.all], one) == read([each.all])


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n",
    ],
    ids=["said so", "1.0", "two lengths", "a body that cannot be", "a bad chunk"],
)
def test_a_status_is_taken_whose_connection_is_used_no_more(data: bytes) -> None:
    found = read([data])
    assert found.status in (200, 204)
    assert found.over
    assert not found.again


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 099 Odd\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x16\x03\x01\x00\xa5\x01",
    ],
)
def test_what_is_not_an_answer_is_bad(data: bytes) -> None:
    assert read([data]) == Read(0, {}, True, False)


def headed(length: int) -> bytes:
    """A head of so many bytes."""
    start, end = b"HTTP/1.1 200 OK\r\nx: ", b"\r\ncontent-length: 0\r\n\r\n"
    return start + b"a" * (length - len(start) - len(end)) + end


@pytest.mark.parametrize("step", [1, 1_000, 1_000_000])
def test_headers_are_read_up_to_a_length_and_no_further(step: int) -> None:
    def pieces(data: bytes) -> list[bytes]:
        return [data[at : at + step] for at in range(0, len(data), step)]

    assert read(pieces(headed(MAX_HEAD_BYTES))).again
    assert read(pieces(headed(MAX_HEAD_BYTES + 1))) == Read(0, {}, True, False)
    assert read(pieces(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000)) == Read(0, {}, True, False)


@pytest.mark.parametrize("framing", [b"content-length: 1000000", b"transfer-encoding: chunked", b"x: until closed"])
def test_no_more_of_a_body_is_waited_for_than_is_worth_a_connection(framing: bytes) -> None:
    one = ResponseParser()
    one.feed(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + (b"f4240;" if b"chunked" in framing else b""))
    fed = 0
    while not one.is_complete:
        one.feed(b"a" * 1_000)
        fed += 1_000
    assert MAX_BODY_BYTES < fed <= MAX_BODY_BYTES + 1_000
    assert one.status == 200
    assert not one.is_reusable


@given(
    st.sampled_from(["POST", "OPTIONS"]),
    st.dictionaries(
        TOKEN.filter(lambda name: name.lower() not in ("host", *FRAMING)), st.text(max_size=20), max_size=5
    ),
    BODY,
)
def test_what_is_written_is_one_request_or_nothing(method: str, headers: dict[str, str], body: bytes) -> None:
    try:
        data = encode_request(method, "/events;v=1?of=care", "sink.test:8443", headers, body)
    except ValueError:
        assert any(not value.isprintable() or not value.isascii() for value in headers.values())
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (method.encode(), b"/events;v=1?of=care")
    said = [(name.lower().encode(), value.strip(" ").encode()) for name, value in headers.items()]
    expected = [(b"host", b"sink.test:8443"), *said, (b"content-length", str(len(body)).encode())]
    assert list(request.headers) == expected
    got = b""
    while isinstance(event := server.next_event(), h11.Data):
        got += event.data
    assert got == body
    assert isinstance(event, h11.EndOfMessage)
    assert server.trailing_data == (b"", False)


@pytest.mark.parametrize("value", ["a\r\nx: b", "a\nx: b", "a\rb", "a\x00b", "\r\n\r\nbody", "ä"])
@pytest.mark.parametrize("where", ["name", "value"])
def test_a_header_adds_no_line(where: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"line break|ordinal not in range"):
        encode_request("POST", "/", "sink.test", {"x": value} if where == "value" else {value: "x"}, b"")
