"""The bar that a person watches: how much of the file is read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from pathline.cli.summary import Counts

ProgressCallback = Callable[[int, Counts], None]
"""Bytes read of the file, and the counts so far."""


@contextmanager
def bar(name: str, size: int, *, quiet: bool) -> Iterator[ProgressCallback]:
    """A bar on stderr while the block runs; nothing when it is no terminal or nobody wants to see it."""
    console = Console(stderr=True)
    if quiet or not sys.stderr.isatty():
        yield lambda position, counts: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=size, note="")

        def show(position: int, counts: Counts) -> None:
            note = f"{counts.read:,} records" + (f", {counts.refused:,} refused" if counts.refused else "")
            progress.update(task, completed=min(position, size), note=note)

        yield show
