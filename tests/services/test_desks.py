"""Each service at work, with FastStream's broker in memory, and its file as a newcomer finds it."""

import ast
import logging
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from faststream import FastStream
from faststream.kafka import KafkaBroker, TestKafkaBroker

from pathline import accept
from pathline.codec import kafka as codec
from pathline_services import desk, food_bank
from pathline_services.reference import SERVICES, register_entries
from pathline_services.simulator import Act

FILES = sorted(Path(str(s.__file__)) for s in SERVICES.values())  # type: ignore[attr-defined]


def broker_of(app: FastStream) -> KafkaBroker:
    assert isinstance(app.broker, KafkaBroker)
    return app.broker


def _slip_visit(now: datetime, **more: Any) -> dict[str, Any]:
    slip = {"number": "housing:slip-1", "code": "c" * 24}
    visit = {"visit": "visit-1", "person": "p-1", "at": now.isoformat(), "matter": "m-1", "what": "came with a slip"}
    return {**visit, "slip": slip, **more}


@pytest.mark.parametrize("org", SERVICES)
async def test_a_service_publishes_what_its_visits_mean(org: str, five_hundred: list[list[Act]], recorder: Any) -> None:
    visits = [act.visit for acts in five_hundred[:60] for act in acts if act.org == org]
    async with TestKafkaBroker(broker_of(SERVICES[org].app("127.0.0.1:1", recorder))) as desk_topic:
        for visit in visits:
            body = visit.model_dump(mode="json", exclude_none=True, by_alias=True)
            await desk_topic.publish(body, topic=f"desk.{org}")
    expected = [each.event for visit in visits for each in SERVICES[org].interactions(visit)]
    sent = [codec.decode(headers, value) for _, _, value, headers in recorder.sent]
    assert len(visits) > 10
    assert [accept(event).id for event in sent] == [event.attributes["id"] for event in expected]
    assert [event.data for event in sent] == [event.data for event in expected]
    assert {topic for topic, *_ in recorder.sent} == {f"pathline.in.{org}"}


async def test_a_visit_that_nobody_can_read_is_laid_aside_without_telling_who_came(
    now: datetime, recorder: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with TestKafkaBroker(broker_of(food_bank.app("127.0.0.1:1", recorder))) as desk_topic:
        await desk_topic.publish(
            _slip_visit(now, what="something else", person="secret-number"), topic="desk.food-bank"
        )
        await desk_topic.publish(_slip_visit(now, slip=None, person="secret-number"), topic="desk.food-bank")
        await desk_topic.publish(b"\xff{", topic="desk.food-bank")
        await desk_topic.publish(_slip_visit(now), topic="desk.food-bank")
    assert len(recorder.sent) == 1
    assert sum("laid aside" in line for line in caplog.messages) == 3
    assert "secret-number" not in caplog.text


async def test_a_visit_told_twice_means_the_same_twice(now: datetime, recorder: Any) -> None:
    async with TestKafkaBroker(broker_of(food_bank.app("127.0.0.1:1", recorder))) as desk_topic:
        for _ in range(2):
            await desk_topic.publish(_slip_visit(now), topic="desk.food-bank")
    first, second = recorder.sent
    assert first == second


async def test_what_cannot_be_published_is_not_forgotten(now: datetime, recorder: Any) -> None:
    recorder.fails = 1
    async with TestKafkaBroker(broker_of(food_bank.app("127.0.0.1:1", recorder))) as desk_topic:
        with pytest.raises(ConnectionError):
            await desk_topic.publish(_slip_visit(now), topic="desk.food-bank")


def test_the_food_bank_knows_the_day_only(now: datetime) -> None:
    at = now + timedelta(hours=3)
    (each,) = food_bank.interactions(food_bank.ParcelVisit.model_validate(_slip_visit(at)))
    assert each.payload.precision == "day"
    assert (each.time.hour, each.time.minute, each.time.utcoffset()) == (0, 0, at.utcoffset())
    assert each.recordedtime == at


def test_two_services_know_one_person_under_two_pseudonyms() -> None:
    subjects = {service.PSEUDONYMS.subject("the same number") for service in SERVICES.values()}
    assert len(subjects) == len(SERVICES)


def test_demo_keys_say_that_they_are() -> None:
    assert all(service.PSEUDONYMS.key.startswith(b"DEMO KEY") for service in SERVICES.values())


def test_the_register_names_every_organisation_with_its_services() -> None:
    entries = {entry["code"]: entry for entry in register_entries()}
    assert set(entries) == set(SERVICES)
    assert sum(entry["sector"] == "third-sector" for entry in entries.values()) >= 2
    assert all(service["title"] for entry in entries.values() for service in entry["services"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_service_is_one_short_file_on_the_contracts_and_faststream(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 75
    allowed = {"pathline", "faststream", "pathline_services.desk"}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            inside = node.module == "pathline_services"
            names = [f"pathline_services.{a.name}" for a in node.names] if inside else [str(node.module)]
        else:
            continue
        for name in names:
            assert name in allowed or name.split(".")[0] in sys.stdlib_module_names, name


def test_nothing_here_imports_the_gateway() -> None:
    for file in Path(str(desk.__file__)).parent.rglob("*.py"):
        assert "pathline_gateway" not in file.read_text(), file
