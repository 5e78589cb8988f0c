"""What the neighbour measures: the gateway's own work and waits are counted, a busy machine is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.limits.neighbour import Neighbour

_SERVER = """
import http.server, sys, time

class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0
    def log_message(self, *_): pass
    def do_GET(self):
        Answers.asked += 1
        busy, asleep = (float(each) for each in sys.argv[1:])
        if Answers.asked > 300 and Answers.asked % 20 == 0:
            until = time.thread_time() + busy
            while time.thread_time() < until: pass
            time.sleep(asleep)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
print(server.server_port, flush=True)
server.serve_forever()
"""
"""As soon as she was asked twice as often as it takes to know her quiet value, each twentieth answer takes longer."""


@contextmanager
def served(busy_s: float, asleep_s: float) -> Iterator[Neighbour]:
    command = [sys.executable, "-c", _SERVER, str(busy_s), str(asleep_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        neighbour = Neighbour(int(server.stdout.readline()), "/", server.pid)
        try:
            yield neighbour
        finally:
            neighbour.gone()
            server.kill()


@pytest.mark.parametrize(("busy_s", "asleep_s"), [(0.2, 0.0), (0.0, 0.2)], ids=["at work", "waiting"])
def test_what_keeps_the_gateway_from_answering_is_counted(busy_s: float, asleep_s: float) -> None:
    with served(busy_s, asleep_s) as neighbour:
        neighbour.quiet()
        with pytest.raises(AssertionError), neighbour.served_as_before():
            pass


def test_others_who_use_the_machine_are_not_counted() -> None:
    with served(0.0, 0.0) as neighbour:
        neighbour.quiet()
        others = [
            subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))
        ]
        try:
            with neighbour.served_as_before():
                pass
        finally:
            for each in others:
                each.kill()
                each.wait()
