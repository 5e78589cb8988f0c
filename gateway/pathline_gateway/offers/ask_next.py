"""Which question to ask first: the one that stands in what would settle most offers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pathline_gateway.offers.verdict import OfferVerdict


def find_ask_next(verdicts: Iterable[OfferVerdict]) -> dict[str, Any] | None:
    """The fact or kind, as served, with the number of offers; None where nothing can be asked.

    Of equals the first by name, and of one name the fact.
    """
    counts = Counter(question for verdict in verdicts for question in verdict.questions)
    if not counts:
        return None
    best = min(counts, key=lambda question: (-counts[question], question.name, question.what))
    return {best.what: best.name, "settles": counts[best]}
