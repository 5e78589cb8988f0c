"""From what was loaded to what is served: pages lose nothing, and every reader has one serializer."""

from __future__ import annotations

import orjson
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.visibility.any_pathway import READERS, SECRET, pathways
from pathline_gateway.auth.reader import Reader
from pathline_gateway.pull.page_range import PageRange
from pathline_gateway.pull.reader_view import build_view, redact_pathway
from pathline_gateway.pull.serialization import PathwayContent, serialize_pathway
from pathline_gateway.pull.visible_page import VisiblePage, filter_page
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.policy import PathwayContext, VisibleStep, compute_visible
from pathline_gateway.visibility.redaction import is_location_hidden
from support.generators.pathways import NOW, operator


@given(pathways(), st.sampled_from(READERS), st.integers(1, 4))
def test_all_pages_together_are_what_is_seen(known: PathwayContext, reader: Reader, limit: int) -> None:
    visible = compute_visible(reader, NOW, known)
    if visible is None:
        assert filter_page(reader, NOW, known, PageRange(None, limit)) is None
        return
    walked: list[VisibleStep] = []
    after = None
    while True:
        page = filter_page(reader, NOW, known, PageRange(after, limit))
        assert isinstance(page, VisiblePage)
        assert len(page.visible.steps) <= limit
        assert page.context.steps == visible.steps
        assert page.has_more == (len(page.visible.steps) < len(visible.steps))
        walked += page.visible.steps
        if page.next is None:
            break
        after = page.next
    assert walked == list(visible.steps)


@given(pathways())
def test_an_operator_is_served_as_whoever_sees_everything(known: PathwayContext) -> None:
    visible = compute_visible(operator(), NOW, known)
    assume(visible is not None and not any(is_location_hidden(each.parsed) for each in visible.steps))
    assert visible is not None
    view = build_view(operator(), ReaderKey(SECRET, operator().name), visible)
    everything = PathwayContent(view.pathway, visible.subjects, [each.parsed.step for each in visible.steps])
    assert orjson.loads(view.body) == orjson.loads(orjson.dumps(serialize_pathway(everything, view.version)))


@given(pathways(), st.sampled_from(READERS))
def test_others_steps_are_served_without_a_subject_and_own_ones_as_they_were_sent(
    known: PathwayContext, reader: Reader
) -> None:
    visible = compute_visible(reader, NOW, known)
    assume(visible is not None and reader.kind != "operator")
    assert visible is not None
    served = redact_pathway(reader, ReaderKey(SECRET, reader.name), visible, visible)
    assert served.subject_hidden == {n for n, each in enumerate(visible.steps) if not each.is_own}
    body = orjson.loads(orjson.dumps(serialize_pathway(served, "version")))
    for told, (parsed, is_own) in zip(body["steps"], visible.steps, strict=True):
        assert (told["subject"], told["id"] == parsed.step.id) == (
            (parsed.step.subject, True) if is_own else (None, False)
        )
