from collections.abc import Iterator

import database
import pytest


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[database.Server]:
    with database.server(tmp_path_factory.mktemp("postgres")) as server:
        yield server
