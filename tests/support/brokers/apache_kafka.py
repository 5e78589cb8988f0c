"""Real Apache Kafka (KRaft) on loopback, one node or three, whose nodes can be killed, stopped, frozen and started.

with ApacheKafka(tmp_path, nodes=3) as kafka:
    ...  # kafka.bootstrap
    kafka.kill(2)
    kafka.start(2)
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from pathline_gateway.embedded.child_process import Child, Command
from pathline_gateway.embedded.errors import ChildFailed
from support.brokers.kafka_download import Installation, installed
from support.brokers.kafka_node import HOST, Node, properties
from support.brokers.kafka_principals import Principal, Security

READY_WITHIN: Final = 60.0
"""Seconds; one node takes 3, three take 8, and machines are busy."""

STARTED: Final = "Kafka Server started"
"""Said once a node has joined and is let in by the controller."""

LOGGING: Final = Path(__file__).parent / "kafka" / "log4j2.properties"

FLAGS: Final = (
    "-Xms64m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # half the time to start; long benchmarks may want the second compiler
    "-XX:-UsePerfData",
    f"-Dlog4j2.configurationFile={LOGGING}",
)

PORTS: Final = range(18_000, 32_000)
"""Below those that the kernel gives to outgoing connections: a killed node finds its port free when it comes back."""

PORT_TAKEN: Final = "Address already in use"
TRIES: Final = 3

ENDING: Final = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))


class ApacheKafka:
    """A cluster, and what happens to its nodes. Must be entered from the main thread: nodes die with their thread.

    On leaving, nodes are killed, not asked: their data goes with the test.
    """

    def __init__(
        self,
        place: Path,
        nodes: Literal[1, 3] = 1,
        *,
        secured: bool = False,
        heap: str = "256m",
        installation: Installation | None = None,
    ) -> None:
        self._kafka = installation or installed()
        self._place = place / "kafka"
        self._place.mkdir(parents=True)
        self._flags = (f"-Xmx{heap}", *FLAGS)
        self._running: dict[int, Child] = {}
        self._count = nodes
        self.security = Security(self._place, self._kafka.java) if secured else None
        self.nodes: tuple[Node, ...] = ()

    @property
    def bootstrap(self) -> str:
        """Every node's address."""
        return ",".join(f"{HOST}:{node.client}" for node in self.nodes)

    def __enter__(self) -> Self:
        try:
            self._begun_on_free_ports()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._end()

    def client(self, principal: Principal | None = None) -> dict[str, Any]:
        """aiokafka's keyword arguments, for this user or the administrator."""
        options: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        return options | self.security.client(principal or self.security.admin) if self.security else options

    def kill(self, node: int) -> None:
        """SIGKILL: the node is gone at once."""
        child = self._running.pop(node)
        os.killpg(child.pid, signal.SIGKILL)
        _wait(lambda: child.exit_code is not None, 5)

    def stop(self, node: int) -> None:
        """SIGTERM: the node has handed over and ended. Raises ChildFailed when it had to be killed."""
        child = self._running[node]
        for order, patience in ENDING:
            os.killpg(child.pid, order)
            if _wait(lambda: child.exit_code is not None, patience):
                break
        del self._running[node]
        if child.exit_code == -signal.SIGKILL:
            raise child.failure("did not stop when it was asked to")

    def freeze(self, node: int) -> None:
        """SIGSTOP: the node keeps its connections and answers nothing."""
        os.killpg(self._running[node].pid, signal.SIGSTOP)

    def thaw(self, node: int) -> None:
        """It goes on where it was."""
        os.killpg(self._running[node].pid, signal.SIGCONT)

    def begin(self, *numbers: int) -> None:
        """The nodes come up on the data they had; `until_ready` waits for them."""
        for number in numbers:
            node = self.nodes[number - 1]
            command = self._kafka.command("kafka.Kafka", str(self._properties(node)), flags=self._flags)
            self._running[number] = Child(self._command(node, command))

    def until_ready(self, *numbers: int) -> None:
        """Every node named takes requests. Raises ChildFailed, with the end of its log."""
        deadline = time.monotonic() + READY_WITHIN
        for number in numbers:
            child = self._running[number]
            while not any(STARTED in line for line in child.tail()):
                if child.exit_code is not None:
                    raise child.failure()
                if time.monotonic() > deadline:
                    raise child.failure(f"was not ready within {READY_WITHIN:g} seconds")
                time.sleep(0.02)

    def start(self, *numbers: int) -> None:
        """The nodes take requests again."""
        self.begin(*numbers)
        self.until_ready(*numbers)

    def empty(self) -> None:
        """Every node ends, and starts again as a new cluster with nothing in its log, at the same addresses."""
        self._end()
        for node in self.nodes:
            subprocess.run(["rm", "-rf", node.data], check=True)
        self._format(self.nodes)
        self.start(*(node.number for node in self.nodes))

    def _begun_on_free_ports(self) -> None:
        for left in reversed(range(TRIES)):
            self.nodes = _nodes(self._place, self._count)
            for node in self.nodes:
                self._properties(node).write_text(properties(node, self.nodes, self._security_properties()))
            self._format(self.nodes)
            try:
                self.start(*(node.number for node in self.nodes))
            except ChildFailed as failed:
                self._end()
                if not left or not any(PORT_TAKEN in line for line in failed.tail):
                    raise
            else:
                return

    def _security_properties(self) -> dict[str, str]:
        return self.security.properties() if self.security else {}

    def _format(self, nodes: Iterable[Node]) -> None:
        cluster = os.urandom(16).hex()[:22]
        secured = self.security.format_flags() if self.security else ()
        jobs = [
            Child(self._command(node, self._kafka.command(*format_, flags=self._flags)))
            for node in nodes
            for format_ in [
                ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties(node)), *secured)
            ]
        ]
        for job in jobs:
            if not _wait(partial(_has_ended, job), READY_WITHIN) or job.exit_code != 0:
                raise job.failure("could not format its storage")

    def _properties(self, node: Node) -> Path:
        return self._place / f"node-{node.number}.properties"

    def _command(self, node: Node, argv: tuple[str, ...]) -> Command:
        name = f"kafka-{node.number}"
        return Command(name, argv, self._place, self._place / f"{name}.log", signal.SIGKILL, ENDING)

    def _end(self) -> None:
        for child in self._running.values():
            child.stop_now()
        self._running.clear()


def _has_ended(child: Child) -> bool:
    return child.exit_code is not None


def _nodes(place: Path, count: int) -> tuple[Node, ...]:
    ports = _free_ports(3 * count)
    tag = ports[0]
    return tuple(
        Node(number, ports.pop(), ports.pop(), ports.pop(), place / f"data-{number}-{tag}")
        for number in range(1, count + 1)
    )


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError("no free ports")


def _wait(holds: Any, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
