"""A gateway's door on loopback that keeps what it is sent, and fails when it is told to."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pathline import Refused, accept
from pathline.codec import http, json_format

Identity = tuple[str, str]


@dataclass
class Fault:
    """What the door does with one request, in the place of taking it."""

    status: int | None = None
    """The answer; None closes the connection without one."""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    taken: bool = False
    """Whether the events are kept all the same, as when only the answer is lost."""


@dataclass
class Door:
    """The state of the stand-in; tests read and set it directly."""

    url: str = ""
    kept: dict[Identity, dict[str, Any]] = field(default_factory=dict)
    conflicts: list[Identity] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    most: int = 10_000
    """Most events in one request; more are answered 413."""
    refuse: Callable[[dict[str, Any]], bool] = lambda event: False
    before_answer: Callable[[int], object] = lambda requests: None
    """Called with the number of the request once its events are kept, before it is answered."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, content_type: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to this batch."""
        accepted = duplicate = 0
        refused: list[dict[str, Any]] = []
        notices: list[dict[str, Any]] = []
        events = http.decode([("content-type", content_type)], body)
        if len(events) > self.most:
            return 413, {"title": "too large"}
        for index, event in enumerate(events):
            try:
                if isinstance(event, Refused):
                    raise event
                accept(event)
                raw = json.loads(json_format.encode(event))
                if self.refuse(raw):
                    raise Refused("the door was told to refuse it", field="data")
            except Refused as wrong:
                refused.append({"index": index, "type": "about:blank", "reason": wrong.reason, "detail": str(wrong)})
                continue
            identity = (raw["source"], raw["id"])
            if identity in self.kept:
                duplicate += 1
                if self.kept[identity] != raw:
                    self.conflicts.append(identity)
                    notices.append({"index": index, "reason": "conflicting-duplicate", "detail": "came otherwise"})
            else:
                accepted += 1
                self.kept[identity] = raw
        if refused and not accepted + duplicate:
            return 422, {"type": "about:blank", "title": "all refused", "status": 422, "refused": refused}
        return 202, {"accepted": accepted, "duplicate": duplicate, "refused": refused, "notices": notices}

    @property
    def events(self) -> list[dict[str, Any]]:
        """What is kept, by identity."""
        return [self.kept[identity] for identity in sorted(self.kept)]

    @property
    def steps(self) -> set[tuple[str, str, str]]:
        """Subject, time and activity of everything kept."""
        return {(event["subject"], event["time"], event["data"]["activity"]) for event in self.kept.values()}


@contextmanager
def run_ingest_door() -> Iterator[Door]:
    """A door that listens on a free port of loopback."""
    door = Door()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536  # head and body leave together; apart, the second would wait for an acknowledgement

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with door.lock:
                door.bodies.append(body)
                door.authorizations.append(self.headers.get("authorization"))
                requests = len(door.bodies)
                fault = door.faults.popleft() if door.faults else None
                status, answer = 404, {"title": "not here"}
                if self.path == "/v1/events" and (fault is None or fault.taken):
                    status, answer = door.take(self.headers["content-type"], body)
                door.before_answer(requests)
            if fault is not None and fault.status is None:
                self.close_connection = True
                return
            raw = json.dumps(answer).encode() if fault is None else fault.body
            self.send_response(status if fault is None or fault.status is None else fault.status)
            for name, value in (fault.headers if fault else {}).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    door.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
