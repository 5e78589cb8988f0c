"""A filter that no event can ever meet is refused, with what was probably meant."""

from __future__ import annotations

from typing import Any

import pytest

from pathline.vocabulary import TYPES
from pathline_gateway.streams.subscriptions.filter_values import require_known_values
from pathline_gateway.streams.subscriptions.filters import WrongFilter

NEED = "org.pathline.need.expressed.v1"
NEVER: list[tuple[dict[str, Any], str, str]] = [
    ({"exact": {"type": "org.pathline.need.exprssed.v1"}}, "filters[0].exact.type", f"did you mean {NEED}?"),
    ({"exact": {"type": "need.expressed"}}, "filters[0].exact.type", f"did you mean {NEED}?"),
    ({"prefix": {"type": "org.pathline.needs."}}, "filters[0].prefix.type", "/docs/events"),
    ({"suffix": {"type": ".v2"}}, "filters[0].suffix.type", "/docs/events"),
    ({"exact": {"channel": "telephone"}}, "filters[0].exact.channel", "phone"),
    ({"exact": {"actor": "robot"}}, "filters[0].exact.actor", "citizen, carer, staff, system"),
    ({"not": {"exact": {"initiator": "x"}}}, "filters[0].not[0].exact.initiator", "organisation"),
    ({"any": [{"exact": {"type": NEED}}, {"exact": {"type": "x"}}]}, "filters[0].any[1].exact.type", "/docs/events"),
]


@pytest.mark.parametrize(("filter", "path", "advice"), NEVER)
def test_what_no_event_can_say_is_refused(filter: dict[str, Any], path: str, advice: str) -> None:
    with pytest.raises(WrongFilter) as refused:
        require_known_values([filter])
    assert refused.value.path == path
    assert advice in refused.value.detail


def test_what_some_event_may_say_is_taken() -> None:
    require_known_values([{"exact": {"type": each}} for each in TYPES])
    require_known_values(
        [
            {"prefix": {"type": "org.pathline.need."}}, {"exact": {"type": "org.pathline.handoff.silent.v1"}},
            {"exact": {"org": "nobody-yet", "service": "new"}}, {"suffix": {"type": ".v1"}},
            {"all": [{"exact": {"channel": "phone"}}, {"not": {"prefix": {"activity": "x"}}}]},
        ]
    )  # fmt: skip
