"""The one place where settings become what a Kafka client is given; the password is in nothing that is printed."""

from __future__ import annotations

import ssl
from typing import Any

from pathline_gateway.settings import Settings


class KafkaSettingsUnusable(Exception):
    """The settings of the broker's security cannot be used; somebody must mend them."""

    reason = "kafka-settings-unusable"


def options(settings: Settings) -> dict[str, Any]:
    """aiokafka's keyword arguments that reach the broker and sign in. Raises KafkaSettingsUnusable."""
    protocol = settings.kafka_security
    client_options: dict[str, Any] = {"bootstrap_servers": settings.kafka}
    if protocol == "PLAINTEXT":
        return client_options
    encryption = {
        "security_protocol": protocol,
        "ssl_context": _ssl_context(settings) if protocol.endswith("SSL") else None,
    }
    if not protocol.startswith("SASL_"):
        return client_options | encryption
    if settings.kafka_user is None or settings.kafka_password is None:
        raise KafkaSettingsUnusable(f"{protocol} needs PATHLINE_KAFKA_USER and PATHLINE_KAFKA_PASSWORD")
    credentials = {
        "sasl_mechanism": settings.kafka_mechanism,
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }
    return client_options | encryption | credentials


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.kafka_ca)
    except (OSError, ssl.SSLError):
        raise KafkaSettingsUnusable("PATHLINE_KAFKA_CA is not a file of PEM certificates") from None
