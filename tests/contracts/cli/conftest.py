from collections.abc import Iterator
from pathlib import Path

import pytest

from support.agency import KEY
from support.servers.ingest_door import Door, run_ingest_door


@pytest.fixture
def door() -> Iterator[Door]:
    with run_ingest_door() as door:
        yield door


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agency's folder, with its key in `key`; the commands run here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PATHLINE_TOKEN", raising=False)
    (tmp_path / "key").write_text(KEY)
    return tmp_path
