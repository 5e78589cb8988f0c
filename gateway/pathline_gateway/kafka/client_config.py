"""The one place where settings become what a Kafka client is given; the password is in nothing that is printed."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr

from pathline_gateway.settings import Settings


class KafkaSettingsUnusable(Exception):
    """The settings of the broker's security cannot be used; somebody must mend them."""

    reason = "kafka-settings-unusable"


class BrokerAccess(NamedTuple):
    """How one broker is reached, and who signs in there."""

    servers: str
    security: str
    mechanism: str
    user: str | None
    password: SecretStr | None
    ca: Path | None
    prefix: str
    """What the names of these settings begin with."""

    @property
    def is_signed_in(self) -> bool:
        """Whether the broker asks for a user and a password."""
        return self.security.startswith("SASL_")

    def credentials(self) -> tuple[str, str]:
        """User and password. Raises KafkaSettingsUnusable."""
        if self.user is None or self.password is None:
            raise KafkaSettingsUnusable(f"{self.security} needs {self.prefix}_USER and {self.prefix}_PASSWORD")
        return self.user, self.password.get_secret_value()


def intake_access(settings: Settings) -> BrokerAccess:
    """The broker that events are published to."""
    return BrokerAccess(
        settings.kafka,
        settings.kafka_security,
        settings.kafka_mechanism,
        settings.kafka_user,
        settings.kafka_password,
        settings.kafka_ca,
        "PATHLINE_KAFKA",
    )


def out_access(settings: Settings) -> BrokerAccess:
    """The broker that subscriptions write to; that of intake where no other is named."""
    if settings.kafka_out is None:
        return intake_access(settings)
    return BrokerAccess(
        settings.kafka_out,
        settings.kafka_out_security,
        settings.kafka_out_mechanism,
        settings.kafka_out_user,
        settings.kafka_out_password,
        settings.kafka_out_ca,
        "PATHLINE_KAFKA_OUT",
    )


def options(settings: Settings) -> dict[str, Any]:
    """aiokafka's keyword arguments that reach the broker of intake and sign in. Raises KafkaSettingsUnusable."""
    return client_options(intake_access(settings))


def client_options(access: BrokerAccess) -> dict[str, Any]:
    """aiokafka's keyword arguments that reach this broker and sign in. Raises KafkaSettingsUnusable."""
    reached: dict[str, Any] = {"bootstrap_servers": access.servers}
    if access.security == "PLAINTEXT":
        return reached
    encryption = {
        "security_protocol": access.security,
        "ssl_context": _ssl_context(access) if access.security.endswith("SSL") else None,
    }
    if not access.is_signed_in:
        return reached | encryption
    user, password = access.credentials()
    credentials = {
        "sasl_mechanism": access.mechanism,
        "sasl_plain_username": user,
        "sasl_plain_password": password,
    }
    return reached | encryption | credentials


def librdkafka_options(access: BrokerAccess) -> dict[str, Any]:
    """The same for a client of librdkafka. Raises KafkaSettingsUnusable."""
    reached: dict[str, Any] = {"bootstrap.servers": access.servers, "security.protocol": access.security}
    if access.ca is not None and access.security.endswith("SSL"):
        reached["ssl.ca.location"] = str(access.ca)
    if not access.is_signed_in:
        return reached
    user, password = access.credentials()
    return reached | {"sasl.mechanism": access.mechanism, "sasl.username": user, "sasl.password": password}


def _ssl_context(access: BrokerAccess) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=access.ca)
    except (OSError, ssl.SSLError):
        raise KafkaSettingsUnusable(f"{access.prefix}_CA is not a file of PEM certificates") from None
