"""The topics that the reference services read and write, made when they are missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from pathline.producer import TOPIC_PREFIX

PARTITIONS: Final = 3
"""Of each topic: one person's visits stay in order, because her number is the key."""

REPLICAS: Final = 1
"""A demonstration on one broker; make the topics yourself where they matter."""

_ALREADY_EXISTS = TopicAlreadyExistsError.errno


def desk_topic(org: str) -> str:
    """What happens at this organisation's counter; nobody else reads it."""
    return f"desk.{org}"


async def ensure_topics(kafka: str, orgs: Iterable[str]) -> None:
    """Both topics of every organisation exist."""
    names = [name for org in orgs for name in (desk_topic(org), TOPIC_PREFIX + org)]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [NewTopic(name, PARTITIONS, REPLICAS) for name in names if name not in existing]
        response = await admin.create_topics(missing) if missing else None
    finally:
        await admin.close()
    for name, code, *_ in response.topic_errors if response else ():
        if code not in (0, _ALREADY_EXISTS):
            raise for_code(code)(f"topic {name} could not be made")
