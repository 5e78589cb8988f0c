"""What tests of every folder may ask for, how properties are run, and what begins and ends with a run."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from pathline_gateway.runtime.gc_tuning import freeze_gc
from support.brokers.apache_kafka import ApacheKafka
from support.brokers.kafka_download import Installation
from support.brokers.kafka_or_not import kafka_installation
from support.postgres.run import Run, dropped_between_modules, groups_place, machine, postgres
from support.run import rings
from support.run.not_tested import say_what_was_not_tested
from support.run.one_queue import OneQueue, groups_of, write_groups

__all__ = ["kafka", "kafka_installation", "machine", "postgres"]

# How long an example takes says how busy the machine is, not whether the property holds: a limit on it fails by chance.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("suite")

_RUN = pytest.StashKey[Run]()
_STATUS = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Who is told to end, ends as by Ctrl-C: the servers that tests have started end with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        config.stash[_RUN] = Run(config)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = int(exitstatus)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The servers that all tests of the run shared have ended."""
    if run := config.stash.get(_RUN, None):
        del config.stash[_RUN]
        kept = run.end(keep=config.stash.get(_STATUS, 0) == pytest.ExitCode.TESTS_FAILED)
        if kept is not None:
            print(f"What failed tests wrote is kept in {kept}: remove it when you have seen it")


@pytest.hookimpl(tryfirst=True)  # before `-m` reads the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each test has the marks of what it needs, and the group of those that share a server with it."""
    for item in items:
        rings.mark(item)
    items.sort(key=rings.place)
    if hasattr(config, "workerinput"):
        write_groups(groups_place(), groups_of(items))


def pytest_collection_finish() -> None:
    """What a worker has imported and collected, a million objects, is no garbage: nobody looks through it again."""
    freeze_gc()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneQueue:
    return OneQueue(config, log, groups_place())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    """A test that is said to need no server starts none."""
    if item.get_closest_marker("unit") is None:
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        rings.refuse_servers(patch)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """A module's databases go with it."""
    try:
        return (yield)
    finally:
        dropped_between_modules(item, nextitem)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was not tested, and how to have it tested."""
    say_what_was_not_tested(terminalreporter, config)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, kafka_installation: Installation) -> Iterator[ApacheKafka]:
    """One node of Apache Kafka, its limits as they come: for the tests that `rings` has one worker run."""
    with ApacheKafka(tmp_path_factory.mktemp("kafka"), installation=kafka_installation) as kafka:
        yield kafka
