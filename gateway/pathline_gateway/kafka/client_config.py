"""The one place where settings become what a Kafka client is given; the password is in nothing that is printed."""

from __future__ import annotations

import ssl
from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from pathline_gateway.settings import Settings

_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


class KafkaSettingsUnusable(Exception):
    """What is said about the broker's security cannot be used; the settings must be mended."""

    reason = "kafka-settings-unusable"


def security(settings: Settings) -> BaseSecurity | None:
    """FastStream's description of how to sign in; None where nobody needs to. Raises KafkaSettingsUnusable."""
    protocol = settings.kafka_security
    if protocol == "PLAINTEXT":
        return None
    encrypted = protocol.endswith("SSL")
    context = _trust(settings) if encrypted else None
    if not protocol.startswith("SASL_"):
        return BaseSecurity(ssl_context=context, use_ssl=encrypted)
    if settings.kafka_user is None or settings.kafka_password is None:
        raise KafkaSettingsUnusable(f"{protocol} needs PATHLINE_KAFKA_USER and PATHLINE_KAFKA_PASSWORD")
    kind = _SASL[settings.kafka_mechanism]
    password = settings.kafka_password.get_secret_value()
    return kind(settings.kafka_user, password, ssl_context=context, use_ssl=encrypted)


def options(settings: Settings) -> dict[str, Any]:
    """aiokafka's keyword arguments that reach the broker and sign in. Raises KafkaSettingsUnusable."""
    reach: dict[str, Any] = {"bootstrap_servers": settings.kafka}
    described = security(settings)
    if described is None:
        return reach
    reach |= {"security_protocol": settings.kafka_security, "ssl_context": described.ssl_context}
    if isinstance(described, SASLPlaintext | SASLScram256 | SASLScram512):
        reach["sasl_mechanism"] = settings.kafka_mechanism
        reach |= {"sasl_plain_username": described.username, "sasl_plain_password": described.password}
    return reach


def _trust(settings: Settings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.kafka_ca)
    except (OSError, ssl.SSLError):
        raise KafkaSettingsUnusable("PATHLINE_KAFKA_CA is not a file of PEM certificates") from None
