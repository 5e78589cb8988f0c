"""In which order offers are listed."""

from __future__ import annotations

from typing import Any

from gateway.offers.cases import NOW, ZONE
from pathline_gateway.offers.offer_order import OfferOrder, OrderedOffer, offer_sort_key


def listed(order: OfferOrder, *offers: OrderedOffer, channel: str | None = None) -> list[str]:
    def key(offer: OrderedOffer) -> Any:
        return offer_sort_key(offer, order, NOW, ZONE, channel)

    return [offer.offer for offer in sorted(offers, key=key)]


def offer(name: str, *, org: str = "even", **more: Any) -> OrderedOffer:
    return OrderedOffer(org, name, **more)


def test_the_soonest_comes_first_by_the_calendar_and_one_that_says_nothing_last() -> None:
    offers = (
        offer("a"),
        offer("b", processing_time="P1M"),
        offer("c", processing_time="P30D"),
        offer("d", processing_time="PT1H"),
    )
    assert listed("soonest", *offers) == ["d", "c", "b", "a"]


def test_what_takes_for_ever_is_still_before_what_says_nothing() -> None:
    assert listed("soonest", offer("a"), offer("b", processing_time="P999999999Y")) == ["b", "a"]


def test_the_fewest_questions_come_first_and_none_listed_last() -> None:
    assert listed("fewest-questions", offer("a"), offer("b", smallest=3), offer("c", smallest=1)) == ["c", "b", "a"]


def test_the_chosen_channel_comes_first() -> None:
    offers = offer("a", channels=["phone"]), offer("b", channels=["web", "phone"]), offer("c", channels=["web"])
    assert listed("channel", *offers, channel="web") == ["b", "c", "a"]


def test_then_organisation_and_offer_decide() -> None:
    assert listed("soonest", offer("b"), offer("a", org="odd"), offer("a2")) == ["a2", "b", "a"]


def test_what_has_no_room_is_last_under_every_order() -> None:
    full = offer("a", processing_time="PT1H", channels=["web"], smallest=1, has_room=False)
    orders: tuple[OfferOrder, ...] = ("soonest", "fewest-questions", "channel")
    for order in orders:
        assert listed(order, full, offer("b"), channel="web") == ["b", "a"]
