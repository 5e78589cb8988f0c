"""The command line: `pathline-services run | simulate | play | inbox | stuck | register`. `--help` imports none."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.types import PositiveFloat, PositiveInt

app = App(name="pathline-services", help="Reference services, and a simulator of many lives across them.")

Kafka = Annotated[str, Parameter(name="--kafka")]


@app.command
def run(*, kafka: Kafka, only: list[str] | None = None) -> None:
    """The services read their desks and publish, until SIGTERM.

    Parameters
    ----------
    kafka: Address of the broker, HOST:PORT.
    only: Only the service of this organisation; repeatable.
    """
    from pathline_services import command_actions as working
    from pathline_services.reference import SERVICES

    unknown = set(only or ()) - set(SERVICES)
    if unknown:
        sys.exit(f"no such service; there are {', '.join(SERVICES)}")
    asyncio.run(working.run(kafka, only or []))


@app.command
def simulate(
    *, kafka: Kafka, seed: int = 7, lives: PositiveInt = 200, rate: PositiveFloat = 50, forever: bool = False
) -> None:
    """Many lives are told to the desks of the services.

    Parameters
    ----------
    kafka: Address of the broker, HOST:PORT.
    seed: The same seed on the same day tells the same lives.
    lives: How many; with --forever, how many at a time.
    rate: Visits a second.
    forever: New lives follow until SIGTERM.
    """
    from pathline_services import command_actions as working

    asyncio.run(working.simulate(kafka, seed, lives, rate, forever))


@app.command
def play(
    *, kafka: Kafka, seed: int = 7, lives: PositiveInt = 200, rate: PositiveFloat = 50, forever: bool = False
) -> None:
    """The services run, and many lives are told to them; afterwards they go on until SIGTERM.

    Parameters
    ----------
    kafka: Address of the broker, HOST:PORT.
    seed: The same seed on the same day tells the same lives.
    lives: How many; with --forever, how many at a time.
    rate: Visits a second.
    forever: New lives follow until SIGTERM.
    """
    from pathline_services import command_actions as working

    asyncio.run(working.play(kafka, seed, lives, rate, forever))


@app.command
def inbox(*, kafka: Kafka, topic: str) -> None:
    """Prints who waits for an answer of an office, whenever that changes, until SIGTERM.

    Parameters
    ----------
    kafka: Address of the broker, HOST:PORT.
    topic: The topic of the office's subscription, as `config.topic` names it.
    """
    from pathline_services import command_actions as working

    asyncio.run(working.inbox(kafka, topic))


@app.command
def stuck() -> None:
    """Prints where the seeded stuck hand-off is: organisation and subject, for POST /v1/pathways/search."""
    from pathline_services.simulator.stuck_handoff import stuck_handoff_ref

    print(json.dumps(stuck_handoff_ref()))


@app.command
def register() -> None:
    """Prints the register entries of the reference organisations."""
    from pathline_services import reference

    print(json.dumps({"organisations": reference.register_entries()}, indent=2))


def main() -> None:
    """The entry point."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # KafkaProducer asks whether the broker can do idempotence; a broker that cannot is no error here.
    logging.getLogger("aiokafka.producer.sender").addFilter(lambda line: "InitProducerId" not in line.getMessage())
    app()


if __name__ == "__main__":
    main()
