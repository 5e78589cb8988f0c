"""The steps that facts are folded from: those that one reader sees, as they are served to her. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pathline_gateway.pathways.parsed_step import ParsedStep, parse_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.policy import VisibleStep


def shown_steps(visible_steps: Iterable[VisibleStep], served_steps: Iterable[Step]) -> list[ParsedStep]:
    """What is served of each, in pathway order; without those for somebody else.

    The reader of another organisation's step is not served on whose behalf it was. So that is looked at before.
    Raises ValueError where there are not as many of the one as of the other.
    """
    return [
        visible.parsed if served is visible.parsed.step else parse_step(served)
        for visible, served in zip(visible_steps, served_steps, strict=True)
        if not visible.parsed.data.get("on_behalf")
    ]
