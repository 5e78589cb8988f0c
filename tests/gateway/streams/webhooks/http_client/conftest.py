from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from gateway.streams.webhooks.http_client.certificate import tls
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.http_client.client import WebhookHttpClient

__all__ = ["tls"]


_ABOUT_CONNECTIONS = ("test_client.py", "test_connections.py")


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What is about connections is run in both loops: a stream of bytes does not end in quite the same way."""
    loops = {"asyncio": asyncio.new_event_loop}
    return {**loops, "uvloop": uvloop.new_event_loop} if item.path.name in _ABOUT_CONNECTIONS else loops


@pytest.fixture
async def poster() -> AsyncIterator[WebhookHttpClient]:
    """With it, nothing goes wrong in what the loop calls."""
    wrong: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: wrong.append(what))
    made = WebhookHttpClient(DeliveryPolicy(request_s=5))
    yield made
    await made.aclose()
    assert wrong == []
