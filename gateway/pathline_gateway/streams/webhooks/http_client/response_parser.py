"""Reads what a server answers, one answer after another on a connection, however its bytes are cut. Pure."""

from __future__ import annotations

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_HEAD_BYTES: Final = 65_536
"""Bytes up to the end of the headers, with those of the answers that went before: 100, 103 and the like."""
MAX_BODY_BYTES: Final = 16_384
"""Bytes that are waited for once the headers are there; nobody looks at a body, but what follows it may be used."""


class BadAnswer(Exception):
    """What came is no answer."""


class ResponseParser:
    """Reads the answers of one connection. `begin`, then `feed` until it is `is_complete`."""

    __slots__ = ("_bytes_left", "_parser", "has_started", "headers", "is_complete", "is_reusable", "status")

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        # Sinks are written by hand, too. What an answer says is no danger here: nothing of ours is behind it.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_chunked_length=True
        )
        self.begin()

    def begin(self) -> None:
        """The next answer is awaited."""
        self.status = 0
        """0 until all headers are there."""
        self.headers: dict[str, str] = {}
        """By lower-case name; the last of one that comes twice."""
        self.has_started = False
        """Something came."""
        self.is_complete = False
        """Nothing more is read of it."""
        self.is_reusable = False
        """The connection may be used for the next."""
        self._bytes_left = MAX_HEAD_BYTES

    def feed(self, data: bytes) -> None:
        """What came next. Raises BadAnswer before there is a status, and never after that."""
        self.has_started = True
        bytes_left, self._bytes_left = self._bytes_left, self._bytes_left - len(data)
        if self.status:
            if bytes_left < len(data):
                self.is_complete = True
            else:
                self._parse(data)
            return
        self._parse(data[:bytes_left])
        if self.status:
            self._bytes_left = MAX_BODY_BYTES
        if bytes_left < len(data):
            if not self.status:
                raise BadAnswer
            self._parse(data[bytes_left:])

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self.status:
                raise BadAnswer from None
            self.is_complete, self.is_reusable = True, False

    def on_message_begin(self) -> None:
        """Called by the parser, as all that follow are."""
        if self.is_complete:
            raise BadAnswer  # nobody asked: what it answers would be taken for an answer to what is asked next

    def on_header(self, name: bytes, value: bytes) -> None:
        """Whatever follows a body is no header."""
        if not self.status:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip(" \t")

    def on_headers_complete(self) -> None:
        """An answer, or one of those that go before."""
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
        elif 100 <= status != 101:
            self.headers = {}
        else:
            raise BadAnswer  # a protocol that was not asked for

    def on_message_complete(self) -> None:
        """Nothing more belongs to the answer."""
        if self.status:
            self.is_complete = True
            # One length too many: the server and we may differ about where the answer ends.
            is_ambiguous = "transfer-encoding" in self.headers and "content-length" in self.headers
            self.is_reusable = self._parser.should_keep_alive() and not is_ambiguous
