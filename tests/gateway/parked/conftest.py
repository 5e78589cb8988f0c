import pytest

from gateway.parked import database
from pathline_gateway.embedded import Machine


@pytest.fixture(scope="session")
def postgres(machine: Machine) -> database.Server:
    return database.Server(machine.database)
