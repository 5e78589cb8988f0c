"""Batches whose header names are no UTF-8, read like any other: every such byte is kept as a lone surrogate (PEP 383).

aiokafka decodes names strictly, so that one such record raises out of the batch, before anybody can park it. The codec
accepts or parks that record alone, as it does any other. No upstream issue is known; decision 47 has the text for one.
"""

from __future__ import annotations

from typing import Any

from aiokafka.record.default_records import _DefaultRecordBatchPy


class LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch whose header names may hold any bytes. For batches that are not compressed."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Names(self._buffer)


class _Names(bytearray):
    """Bytes that decode, whatever they hold. Header names are all that is ever decoded of a batch."""

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return _Names(part) if isinstance(index, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        """Text, and a lone surrogate for each byte that is none."""
        return super().decode(encoding, errors)
