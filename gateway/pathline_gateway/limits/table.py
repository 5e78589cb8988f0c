"""Every limit there is: its number, for whom it holds, how it is refused, and why it is there.

`docs/limits.md` is made from it, and a limit without a test that goes past it fails the suite.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pathline_gateway.limits.limit import Limit, NamedLimit

PREFIX: Final = "PATHLINE_LIMIT_"
_KIB: Final = 1_024


class Limits(BaseSettings):
    """How much one caller may use. Every field may be given as an environment variable: `PATHLINE_LIMIT_EVENTS`.

    They hold for each process: with three gateways side by side a caller has three times as much.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, use_attribute_docstrings=True, hide_input_in_errors=True, frozen=True
    )

    head_bytes: Annotated[
        int, Field(ge=4_096), Limit("request", "bytes", 431, "head-too-large", "send fewer or shorter header fields")
    ] = 32 * _KIB
    """A head is collected before anybody knows who sends it."""
    head_fields: Annotated[
        int, Field(ge=32), Limit("request", "header fields", 431, "head-too-large", "send fewer header fields")
    ] = 128
    """A field takes more memory than its bytes."""
    head_s: Annotated[int, Field(ge=1), Limit("request", "seconds", 408, "too-slow", "send the whole head at once")] = (
        10
    )
    """Heads that never end would each hold a connection."""
    body_s: Annotated[int, Field(ge=1), Limit("request", "seconds", 408, "too-slow", "send a smaller body")] = 60
    """Bodies that never end would each hold a connection."""
    stalled_s: Annotated[
        int, Field(ge=1), Limit("connection", "seconds", None, "closed", "read the answer that you asked for")
    ] = 30
    """An answer that nobody reads stays in memory."""
    idle_s: Annotated[int, Field(ge=1), Limit("connection", "seconds", None, "closed", "connect again")] = 5
    """A connection without a further request serves no purpose."""
    pipelined: Annotated[
        int, Field(ge=1), Limit("connection", "requests", None, "closed", "wait for answers before asking more")
    ] = 32
    """Requests that are sent before the last one is answered wait in memory."""
    connections_of_an_address: Annotated[
        int,
        Field(ge=1),
        Limit(
            "address",
            "connections",
            429,
            "too-many-connections",
            "use those that are open; see PATHLINE_TRUSTED_PROXIES",
        ),
    ] = 512
    """One machine could take every connection there is."""
    connections: Annotated[
        int, Field(ge=1), Limit("process", "connections", 503, "too-many-connections", "come again a little later")
    ] = 4_096
    """Each connection takes memory and a file; where one waits idle it is closed for a newcomer."""
    body_bytes: Annotated[int, Field(ge=1_024), Limit("request", "bytes", 413, "too-large", "send less")] = 256 * _KIB
    """The gateway reads a whole body into memory, so it does not read one that is announced as larger."""
    request_s: Annotated[
        int, Field(ge=1), Limit("request", "seconds", 504, "took-too-long", "ask again later, or for less")
    ] = 30
    """Whoever asks is answered, whatever stands still behind the gateway; streams are exempt."""
    requests_at_once: Annotated[int, Field(ge=1), Limit("caller", "requests", None, "", "the others wait")] = 16
    """One who asks much at once waits for herself, and others have their turn between."""
    requests_waiting: Annotated[
        int, Field(ge=1), Limit("caller", "requests", 429, "too-many-at-once", "wait for answers before you ask more")
    ] = 112
    """Requests that wait hold what they have sent in memory."""
    readings_per_minute: Annotated[
        int, Field(ge=1), Limit("caller", "requests", 429, "too-many-requests", "ask less often", window_s=60)
    ] = 60_000
    """A thousand a second is more than a process answers while others ask, too."""
    changes_per_minute: Annotated[
        int, Field(ge=1), Limit("caller", "requests", 429, "too-many-requests", "ask less often", window_s=60)
    ] = 12_000
    """Each change is written by Postgres, which all share."""
    slow_readings_per_minute: Annotated[
        int, Field(ge=1), Limit("caller", "requests", 429, "too-many-requests", "ask less often", window_s=60)
    ] = 600
    """Dry runs, explanations and measures look through the events of many."""
    slow_readings_at_once: Annotated[
        int, Field(ge=1), Limit("caller", "requests", 429, "too-many-at-once", "wait for one to end")
    ] = 2
    """With more of them one caller would keep all others from theirs."""
    requests_of_an_address_per_minute: Annotated[
        int, Field(ge=1), Limit("address", "requests", 429, "too-many-requests", "ask less often", window_s=60)
    ] = 600_000
    """Of those whom nobody knows, and of everybody while auth is off: a machine of many callers may be behind it."""
    refusals_per_minute: Annotated[
        int,
        Field(ge=1),
        Limit("address", "refusals", 429, "too-many-refusals", "look at your token and your roles", window_s=60),
    ] = 6_000
    """To find out that a token is not valid, or may not do this, costs more than most answers."""
    events_kib_per_minute: Annotated[
        int,
        Field(ge=16_385),
        Limit("caller", "KiB of events", 429, "too-many-events", "send more slowly", window_s=60),
    ] = 3 * 1_024 * 1_024
    """More than a process can take, so that no honest publisher meets it; a body of open length counts as 16 MiB."""
    streams_of_a_caller: Annotated[
        int,
        Field(ge=1),
        Limit("caller", "streams", 429, "too-many-streams", "end one, or listen to fewer subscriptions"),
    ] = 512
    """Each stream holds a connection and is woken for each event."""
    streams: Annotated[
        int, Field(ge=1), Limit("process", "streams", 503, "too-many-streams", "come again, or pull at a cursor")
    ] = 2_048
    """The same, of all callers together: half of the connections stay for requests."""
    connection_wait_s: Annotated[
        int, Field(ge=1), Limit("request", "seconds", 503, "database-busy", "ask again a little later")
    ] = 5
    """A request that waits for a connection to Postgres holds what it has sent in memory."""
    database_connections: Annotated[
        int, Field(ge=2), Limit("process", "connections to Postgres", None, "", "the others wait")
    ] = 12
    """Postgres has so many for everybody; what goes on beside the requests has as many of its own."""
    slow_readings: Annotated[
        int, Field(ge=1), Limit("process", "slow readings", None, "", "the others wait for a connection")
    ] = 4
    """Dry runs, explanations and measures read for long: they have connections of their own, and take no others."""
    events_bytes: Annotated[
        int, Field(ge=1_024 * _KIB), Limit("request", "bytes", 413, "too-large", "send smaller batches")
    ] = 16 * 1_024 * _KIB
    """The gateway reads a whole batch into memory; for the events of `POST /v1/events` and of the desk."""
    events: Annotated[int, Field(ge=1), Limit("request", "events", 413, "too-large", "send smaller batches")] = 5_000
    """All events of a batch are checked at once, and everybody else waits for as long."""
    sinks_at_once: Annotated[
        int, Field(ge=1), Limit("organisation", "sinks", None, "", "the others wait their turn")
    ] = 256
    """Slow sinks hold what they are given for long: those of one organisation take turns, and leave room to others."""
    component_refs: Annotated[
        int, Field(ge=2), Limit("component", "records", None, "over-component-refs", "retract wrong links, then replay")
    ] = 1_024
    """Whoever binds links looks at all that they connect, and an honest link waits behind that."""
    component_links: Annotated[
        int, Field(ge=1), Limit("component", "links", None, "over-component-links", "retract wrong links, then replay")
    ] = 512
    """Links of one organisation that connect the same records: nobody fills a component alone."""
    proposals: Annotated[
        int, Field(ge=1), Limit("organisation", "links", None, "over-proposals", "replay them later", 86_400)
    ] = 1_000
    """A person looks at each link that nobody may say alone, and it may name records that nobody has."""
    subscriptions: Annotated[
        int,
        Field(ge=1),
        Limit("organisation", "subscriptions", 429, "too-many-subscriptions", "end some that you do not need"),
    ] = 2_000
    """Each event is looked up in all subscriptions, and kept for each that wants it."""
    topics: Annotated[
        int,
        Field(ge=1),
        Limit("organisation", "topics", 429, "too-many-topics", "end subscriptions that nobody reads on a topic"),
    ] = 50
    """Each topic takes files and memory of every broker, and each that is written to has connections of its own."""
    filter_bytes: Annotated[
        int, Field(ge=1), Limit("organisation", "bytes of filters", 413, "too-many-filters", "subscribe to less")
    ] = 500_000
    """Every process holds all filters of everybody in memory, and those that nearly hold take time at each event."""
    conditions: Annotated[
        int, Field(ge=1), Limit("subscription", "conditions", 422, "malformed-filter", "make two subscriptions")
    ] = 200
    """A filter is evaluated as a whole for each event that it nearly holds for."""
    condition_length: Annotated[
        int, Field(ge=1), Limit("subscription", "characters", 422, "malformed-filter", "no event has longer values")
    ] = 2_048
    """What an event says is cut to the length of each prefix and suffix that is asked for."""
    purposes: Annotated[
        int,
        Field(ge=1),
        Limit("organisation", "purposes and authorities", 429, "too-many-purposes", "subscribe for fewer purposes"),
    ] = 50
    """What an organisation may see is judged for each purpose and authority on which it subscribed."""
    dry_runs: Annotated[
        int, Field(ge=1), Limit("organisation", "dry runs", 429, "too-many-dry-runs", "wait until one has ended")
    ] = 2
    """A dry run reads for up to eight seconds."""
    dry_runs_at_once: Annotated[
        int, Field(ge=1), Limit("process", "dry runs", 503, "too-many-dry-runs", "wait until one has ended")
    ] = 4
    """Those of all organisations share a few connections with other slow readings."""
    replays: Annotated[
        int, Field(ge=1), Limit("organisation", "replays", 429, "too-many-replays", "wait until one is complete")
    ] = 4
    """A replay looks at all that was stored since, and judges each event anew."""
    canaries: Annotated[
        int,
        Field(ge=1),
        Limit("organisation", "canaries", 429, "too-many-canaries", "wait a little", window_s=60),
    ] = 30
    """A canary is a request to somebody else, sent because the caller says so."""
    kept_days: Annotated[
        int, Field(ge=1), Limit("subscription", "days", None, "forgotten", "read what you are given")
    ] = 30
    """What nobody reads would be kept for ever."""
    kept_events: Annotated[
        int, Field(ge=1), Limit("subscription", "events", None, "forgotten", "read what you are given")
    ] = 100_000
    """What one subscription was given takes space, whether anybody reads it or not."""
    kept_of_organisation: Annotated[
        int, Field(ge=1), Limit("organisation", "events", None, "forgotten", "end subscriptions that nobody reads")
    ] = 2_000_000
    """Many subscriptions that nobody reads would together fill the disk of everybody."""
    open_offers: Annotated[
        int,
        Field(ge=1),
        Limit("organisation", "open hand-offs", 429, "over-open-offers", "withdraw those that nobody needs"),
    ] = 100_000
    """Hand-offs of one organisation that wait at one receiver, who has to answer each; over Kafka they are parked."""
    open_offers_of_record: Annotated[
        int,
        Field(ge=1),
        Limit("pathway", "open hand-offs", 429, "over-open-offers", "withdraw those that nobody needs"),
    ] = 200
    """Hand-offs of one organisation that wait for one person: each is read with her pathway."""
    handoff_events: Annotated[
        int, Field(ge=1), Limit("organisation", "events of a hand-off", None, "over-handoff-events", "begin another")
    ] = 500
    """Each pull of a hand-off reads all its events, whoever published them."""
    handoff_events_of_record: Annotated[
        int,
        Field(ge=1),
        Limit("subject", "events of hand-offs", None, "over-handoff-events-of-record", "use fewer hand-offs"),
    ] = 500
    """All of them are read at each pull of that person; answers to what others offered are not counted."""
    link_tokens: Annotated[
        int, Field(ge=1), Limit("organisation", "open link tokens", 429, "too-many-tokens", "wait until some expire")
    ] = 1_000
    """Each token that may be used is one that may be guessed, and kept until it expires."""

    def named_limit(self, field: str) -> NamedLimit:
        """The limit of this field, with its number. Raises KeyError where there is none."""
        name, number = field.replace("_", "-"), int(getattr(self, field))
        return NamedLimit(name, f"{PREFIX}{field.upper()}", number, _RATIONALE_BY_FIELD[field], LIMIT_BY_FIELD[field])


def _find_limit(field: str) -> Limit:
    limit_annotations = [each for each in Limits.model_fields[field].metadata if isinstance(each, Limit)]
    if len(limit_annotations) != 1:
        raise TypeError(f"{field}: say for whom the limit holds, and how it is refused, with one Limit")
    return limit_annotations[0]


LIMIT_BY_FIELD: Final[Mapping[str, Limit]] = MappingProxyType(
    {field: _find_limit(field) for field in Limits.model_fields}
)
"""By field."""
_RATIONALE_BY_FIELD: Final[Mapping[str, str]] = {
    field: info.description or "" for field, info in Limits.model_fields.items()
}


def find_unknown_variables(environment: Iterable[str]) -> list[str]:
    """The variables that look like limits, and are none: a limit that was meant does not hold."""
    known_variables = {f"{PREFIX}{field.upper()}" for field in Limits.model_fields}
    return sorted(
        name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known_variables
    )
