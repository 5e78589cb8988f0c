"""Settings of the gateway, from flags and from the environment (`PATHLINE_…`)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from pathline_gateway.limits.addresses import Proxies
from pathline_gateway.limits.table import PREFIX, Limits
from pathline_gateway.telemetry.logs import LogFormat, LogLevel


def _validate_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone: write one such as Australia/Sydney") from None
    return name


def _validate_networks(value: str) -> str:
    try:
        Proxies.parse(value)
    except ValueError:
        raise ValueError("is no list of addresses: write such as 10.0.0.7,192.168.0.0/16") from None
    return value


class Settings(BaseSettings):
    """How this gateway runs. Every field may be given as an environment variable, such as `PATHLINE_DATABASE`."""

    model_config = SettingsConfigDict(env_prefix="PATHLINE_", use_attribute_docstrings=True, hide_input_in_errors=True)

    kafka: str = "127.0.0.1:9092"
    """Bootstrap servers of the broker."""
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """The broker's security protocol; SASL_SSL wherever the network is not one's own."""
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How to sign in, where the security protocol has SASL in its name."""
    kafka_user: str | None = None
    """The broker's name for this gateway."""
    kafka_password: SecretStr | None = None
    """The password of that user; it is never printed."""
    kafka_for_publishers: str | None = None
    """Bootstrap servers as publishers reach them. `/asyncapi.json` shows them to everybody."""
    kafka_ca: Path | None = None
    """PEM file of the authorities to trust for the broker's certificate; the system's when none is given."""
    kafka_out: str | None = None
    """Bootstrap servers of the broker that subscriptions write to; the broker of intake when none is given."""
    kafka_out_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """The security protocol of that other broker."""
    kafka_out_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How to sign in at that other broker."""
    kafka_out_user: str | None = None
    """That other broker's name for this gateway."""
    kafka_out_password: SecretStr | None = None
    """The password of that user; it is never printed."""
    kafka_out_ca: Path | None = None
    """PEM file of the authorities to trust for that other broker's certificate."""
    kafka_out_transactions: Literal["auto", "on", "off"] = "auto"
    """Whether topics of subscriptions are written in transactions, each event exactly once. `auto`: where the broker
    can. Without, an event may come again under its number."""
    kafka_out_open: bool = False
    """Allows topics of subscriptions at a broker that enforces no rights: whoever reaches it reads all of them. So does
    auth off."""
    kafka_out_recheck_s: Annotated[int, Field(ge=1, le=86_400)] = 900
    """How often the gateway looks again at others' events on topics, in seconds. Then it tells what was taken back."""
    kafka_out_principal: Annotated[str, Field(pattern=r"^[^{}]*\{name\}[^{}]*$")] = "User:{name}"
    """What the broker calls a reader, such as `User:CN={name}`. `{name}` is the principal of a subscription."""
    database: str = "postgresql://pathline@127.0.0.1/pathline"
    """Postgres, as a connection URI."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    open_to_network: bool = False
    """Allows auth off, or an embedded gateway, at an address that other machines reach."""
    port: int = 8080
    """Port to listen on."""
    group: str = "pathline-gateway"
    """Consumer group of intake."""
    serve_processes: int = Field(default=1, ge=1, le=64)
    """Processes that answer requests at the one port; each is a whole gateway, consumes, and uses one core."""
    intake_processes: int = Field(default=1, ge=1, le=64)
    """Processes that consume, those that serve among them; each uses one core. No more than partitions or cores are
    useful."""
    trusted_proxies: Annotated[str, AfterValidator(_validate_networks)] = ""
    """Addresses or networks of reverse proxies, with commas between; their `X-Forwarded-For` is believed. Otherwise all
    callers behind a proxy share the limits of one address."""
    dev_auth: Literal["on", "off"] = "on"
    """Off: every caller is operator, and an unknown organisation is registered at its first event. One machine only."""
    issuer: str | None = None
    """The OpenID Connect issuer whose tokens are believed, as its discovery document names it."""
    audience: str = "pathline"
    """The audience that a token must name."""
    roles_claim: str = "pathline_roles"
    """The claim that holds a caller's roles: a list, or a text with spaces."""
    org_claim: str = "pathline_org"
    """The claim that holds the organisation that a caller is bound to."""
    token_lifetime_s: Annotated[int, Field(ge=60, le=604_800)] = 86_400
    """The longest lifetime of a token, in seconds. A token made for longer is refused."""
    public_url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+$")] | None = None
    """The address under which browsers reach this gateway, such as https://pathline.example.org. An issuer sends them
    back there. Without it a browser signs in by showing a token."""
    client_id: str = "pathline"
    """The name of this gateway at the issuer."""
    client_secret: SecretStr | None = None
    """The secret of this gateway at the issuer, if it has one; sent to the token endpoint alone."""
    desk_timezone: Annotated[str, AfterValidator(_validate_time_zone)] = "UTC"
    """The time zone of the days and times that people write at the desk, such as Australia/Sydney."""
    quick_exit: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] = "https://www.bom.gov.au/"
    """The page that the desk's quick exit opens; one that anybody might look at."""
    link_token_s: Annotated[int, Field(ge=1, le=86_400)] = 900
    """How long a token by which a person links may be used, in seconds."""
    handoff_grace_s: Annotated[int, Field(ge=0, le=2_592_000)] = 0
    """How long after its deadline an answer to a hand-off may come before it counts as silent, in seconds."""
    sinks_private: bool = False
    """Allows sinks on one's own network, at any port, and sinks without TLS on this machine. Auth off does so, too."""
    sinks_origin: str = Field(default="pathline", pattern=r"^[A-Za-z0-9.-]{1,253}$")
    """The DNS name of this gateway. It asks each sink under this name whether the sink wants events."""
    volatile_log: bool = False
    """The broker loses its log when it stops, so 202 waits until Postgres has the events."""
    cluster_id: str | None = None
    """The broker's cluster id, where it is known better than its metadata says."""
    session_timeout_ms: int = 10_000
    """Kafka group session timeout; a real broker refuses less than 6,000."""
    door_partitions: int = 3
    """Partitions of the door's topic, when the gateway makes it."""
    replication_factor: int = 1
    """Copies of each topic that the gateway makes: the door's, and those of subscriptions."""
    pull_cache_mb: int = Field(default=64, ge=0)
    """Megabytes of bodies that each process keeps, so that a pull need not read its steps again."""
    now: AwareDatetime | None = None
    """A frozen clock for deadlines of hand-offs, for tests on one machine."""
    log_format: LogFormat = "text"
    """How log lines are written: text for people, or a JSON object a line."""
    log_level: LogLevel = "warning"
    """The least serious lines that are written."""
    limits: Limits = Field(default_factory=Limits)
    """How much one caller may use: `PATHLINE_LIMIT_…`, each with its own variable; see `docs/limits.md`."""

    def clock(self) -> datetime:
        """The instant that deadlines are compared with."""
        return self.now or datetime.now(UTC)

    def to_environment(self) -> dict[str, str]:
        """What says the same to another process of this gateway."""
        own = ("limits", "serve_processes", "intake_processes")  # the other is one, and starts none
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in own}
        plain = {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items()}
        limits = {f"{PREFIX}{name.upper()}": str(number) for name, number in self.limits}
        return {f"PATHLINE_{n.upper()}": _to_text(value) for n, value in plain.items() if value is not None} | limits

    def for_embedded_machine(self, kafka: str, database: str, cluster_id: str) -> Self:
        """These settings for the broker and the Postgres of one machine."""
        return self.model_copy(
            update={
                "kafka": kafka,
                "database": database,
                "cluster_id": cluster_id,
                "volatile_log": True,
                "session_timeout_ms": 2_000,
            }
        )


def _to_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
