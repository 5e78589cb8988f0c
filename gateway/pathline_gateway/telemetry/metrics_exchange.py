"""Metrics of all processes of one `up` in one answer: each tells the others its own at a socket in one folder."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from prometheus_client import REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.samples import Sample

_PROCESS_LABEL: Final = "process"
"""Which process it is of, such as `serve-2`: whoever takes its place counts on under its name, from zero."""
_ANSWER_S: Final = 1.0
"""Longest wait for another process; a metric that comes later is missing once."""


@dataclass(frozen=True)
class MetricsExchange:
    """This process among those that tell each other their metrics."""

    folder: Path | None = None
    """Where their sockets are; None where there is no other."""
    name: str = ""

    def flags(self, name: str) -> Sequence[str]:
        """What makes another process, of this name, take part."""
        return () if self.folder is None else ("--metrics-socket", str(self.folder / f"{name}.sock"))

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Others are told this process's metrics as long as the block lasts."""
        if self.folder is None:
            yield
            return
        path = self.folder / f"{self.name}.sock"
        path.unlink(missing_ok=True)  # of one that was killed
        server = await asyncio.start_unix_server(_tell, path)
        try:
            yield
        finally:
            server.close()
            path.unlink(missing_ok=True)

    async def render(self) -> bytes:
        """Every metric of every process that answers, as Prometheus reads it."""
        if self.folder is None:
            return generate_latest(REGISTRY)
        others = [path for path in sorted(self.folder.glob("*.sock")) if path.stem != self.name]
        answers = await asyncio.gather(*(_ask(path) for path in others))
        told = {path.stem: families for path, families in zip(others, answers, strict=True) if families is not None}
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Merged({self.name: own_families(), **told}))
        return generate_latest(registry)


def joined(socket: Path | None) -> MetricsExchange:
    """Takes part under the name of this socket."""
    return MetricsExchange() if socket is None else MetricsExchange(socket.parent, socket.stem)


@contextlib.contextmanager
def opened(name: str) -> Iterator[MetricsExchange]:
    """A folder for a process, of this name, and those that it starts; nobody else's. It goes with the block."""
    with tempfile.TemporaryDirectory(prefix="pathline-metrics-") as folder:
        yield MetricsExchange(Path(folder), name)


def own_families() -> list[Any]:
    """What this process measures: for each metric its name, help, type and samples."""
    return [
        [
            family.name,
            family.documentation,
            family.type,
            [[each.name, each.labels, each.value] for each in family.samples],
        ]
        for family in REGISTRY.collect()
    ]


class _Merged:
    """A collector of what several processes told: each sample says of which process it is."""

    def __init__(self, told: dict[str, list[Any]]) -> None:
        self._told = told

    def collect(self) -> Iterable[Metric]:
        metrics: dict[str, Metric] = {}
        for process, families in sorted(self._told.items()):
            for name, documentation, kind, samples in families:
                metric = metrics.setdefault(name, Metric(name, documentation, kind))
                for sample_name, labels, value in samples:
                    metric.samples.append(Sample(sample_name, {**labels, _PROCESS_LABEL: process}, value))
        return metrics.values()


async def _tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.write(orjson.dumps(own_families(), option=orjson.OPT_NON_STR_KEYS))
        await writer.drain()
    writer.close()


async def _ask(path: Path) -> list[Any] | None:
    """What the process at this socket measures; None where none answers: it was killed, or ends."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                families: list[Any] = orjson.loads(await reader.read(-1))
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return None
    return families
