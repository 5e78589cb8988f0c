"""What tests of every folder may ask for, and how properties are run."""

import signal

from hypothesis import HealthCheck, settings
from kafka_or_not import kafka_installation, pytest_terminal_summary

__all__ = ["kafka_installation", "pytest_terminal_summary"]

# How long an example takes says how busy the machine is, not whether the property holds: a limit on it fails by chance.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("suite")


def pytest_configure() -> None:
    """Who is told to end, ends as by Ctrl-C: the servers that tests have started end with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
