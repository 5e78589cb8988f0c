"""How a long-running process of ours collects its garbage."""

from __future__ import annotations

import gc


def freeze_gc() -> None:
    """What a process has once it runs stays to its end, so that collections look only at what came since.

    A batch holds some hundred thousand objects for a moment: at the usual threshold each is looked at again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
