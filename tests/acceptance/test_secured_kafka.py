"""A real, secured Kafka: who is who is the broker's word, and an organisation speaks for itself alone."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from pathline import publish
from pathline.interaction import Interaction
from pathline.kafka import KafkaProducer
from pathline.testing import example
from pathline.vocabulary import ContactMade
from pathline_gateway.embedded.child_process import children
from pathline_gateway.embedded.postgres import start_postgres
from support.brokers.apache_kafka import ApacheKafka
from support.brokers.kafka_download import Installation
from support.brokers.kafka_principals import Principal
from support.gateways.process import Gateway
from support.preloaded import run_command

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORGS = ("shelter", "clinic")


class Secured:
    """A gateway, its Postgres and a Kafka where each organisation has a user."""

    def __init__(self, kafka: ApacheKafka, database: str, place: Path) -> None:
        assert kafka.security is not None
        rights = kafka.security.rights(kafka.bootstrap)
        self.kafka = kafka
        self.database = database
        self.place = place
        self.orgs = {org: rights.organisation(org) for org in ORGS}
        self.gateway_user = rights.gateway()

    def environment(self, **more: str) -> dict[str, str]:
        """What `pathline-gateway up` is told."""
        assert self.kafka.security is not None
        return {
            "PATHLINE_KAFKA": self.kafka.bootstrap,
            "PATHLINE_DATABASE": self.database,
            "PATHLINE_KAFKA_SECURITY": "SASL_SSL",
            "PATHLINE_KAFKA_USER": self.gateway_user.name,
            "PATHLINE_KAFKA_PASSWORD": self.gateway_user.password,
            "PATHLINE_KAFKA_CA": str(self.kafka.security.authority),
            **more,
        }

    def producer(self, who: Principal) -> KafkaProducer:
        """What an agency makes, with its own user."""
        options = self.kafka.client(who)
        return KafkaProducer(options.pop("bootstrap_servers"), **options)

    async def topics(self) -> None:
        """The operator has made each organisation's topic."""
        admin = AIOKafkaAdminClient(**self.kafka.client())
        await admin.start()
        try:
            answer = await admin.create_topics([NewTopic(f"pathline.in.{org}", 3, 1) for org in ORGS])
            assert {code for _, code, *_ in answer.topic_errors} == {0}
        finally:
            await admin.close()

    async def parked(self) -> list[tuple[str, str]]:
        """The topic and the reason of each parked record."""
        connection = await asyncpg.connect(self.database)
        try:
            return [tuple(row) for row in await connection.fetch("SELECT topic, reason FROM parked")]
        finally:
            await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secured(tmp_path_factory: pytest.TempPathFactory, kafka_installation: Installation) -> AsyncIterator[Secured]:
    tmp_path = tmp_path_factory.mktemp("secured")
    data = tmp_path / "postgres-of-its-own"
    data.mkdir()
    async with children() as started:
        database, _ = await start_postgres(started, data, tmp_path / "postgres.log")
        with ApacheKafka(tmp_path, secured=True, installation=kafka_installation) as kafka:
            secured = Secured(kafka, database, tmp_path)
            await secured.topics()
            yield secured


def started(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A gateway that is expected to end by itself."""
    return run_command("up", "--dev-auth", "off", "--port", "0", env=environment)


def from_(org: str) -> Interaction[ContactMade]:
    return example(ContactMade, source=f"urn:pathline:{org}:desk")


_CAPABILITIES = (
    "log durable, idempotent producers yes, transactions yes, access control yes, topic ids yes, delete records yes"
)


async def test_each_organisation_writes_to_its_topic_alone_and_the_gateway_reads_them_all(secured: Secured) -> None:
    gateway = Gateway(secured.place / "data", secured.environment(), embedded=False)
    try:
        for org in ORGS:
            async with secured.producer(secured.orgs[org]) as out:
                assert out.idempotent
                await publish(out, from_(org))
        async with secured.producer(secured.orgs["shelter"]) as out:
            with pytest.raises(TopicAuthorizationFailedError):
                await publish(out, from_("clinic"))
            await publish(out, from_("clinic"), topic="pathline.in.shelter")
        gateway.until(lambda: gateway.http.get("/v1/status").json()["parked"] == 1, "one is parked")
        assert gateway.settled()["interactions"] == len(ORGS)
        assert await secured.parked() == [("pathline.in.shelter", "not-your-source")]
        said = gateway.log.read_text()
        assert "broker: cluster " in said
        assert _CAPABILITIES in said
        assert secured.gateway_user.password not in said
    finally:
        gateway.stop()


async def test_a_stranger_and_a_wrong_password_are_told_where_to_look_and_not_what_was_said(secured: Secured) -> None:
    with pytest.raises(KafkaError):
        async with secured.producer(Principal("org-shelter", "a guess")):
            pass
    done = started(secured.environment(PATHLINE_KAFKA_PASSWORD="another guess"))
    assert done.returncode == 1
    assert "password" in done.stderr.splitlines()[-1]
    assert "another guess" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ({"PATHLINE_KAFKA_CA": "no-such-file.pem"}, "PATHLINE_KAFKA_CA"),
        ({"PATHLINE_KAFKA_CA": ""}, "the broker cannot be used"),
    ],
    ids=["a CA that is not there", "an authority that is not trusted"],
)
async def test_a_mistake_in_the_settings_is_told_in_one_line(
    secured: Secured, mistake: dict[str, str], told: str
) -> None:
    environment = {name: value for name, value in secured.environment(**mistake).items() if value}
    done = started(environment)
    assert done.returncode == 1
    assert told in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert secured.gateway_user.password not in done.stdout + done.stderr
