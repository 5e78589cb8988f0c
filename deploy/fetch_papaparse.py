"""Papa Parse, as npm has it: fetched with npm, held against its digest, and put among the gateway's static files.

python deploy/fetch_papaparse.py --check
python deploy/fetch_papaparse.py --write
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

VERSION: Final = "5.7.1"
INTEGRITY: Final = "sha512-qOR+UDWv6D3hMxnWWOk0ZpBdCkd+kw5Yh7aXOaNSQU8A+73EA2bhW7EiUix/hY0yulUi5FRvt7PpYSI2VDvY0g=="
"""The digest of the package, as npm publishes it."""
FOLDER: Final = Path(__file__).parents[1] / "gateway/pathline_gateway/web/static/vendor/papaparse"
FILES: Final = ("papaparse.min.js", "LICENSE")


def fetch() -> dict[str, bytes]:
    """The files of the package. Raises SystemExit where its digest is another."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", f"papaparse@{VERSION}", "--silent", "--pack-destination", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if digest != INTEGRITY:
            raise SystemExit(f"papaparse {VERSION} has the digest {digest} and not {INTEGRITY}")
        with tarfile.open(archive) as package:
            return {name: _read(package, f"package/{name}") for name in FILES}


def _read(package: tarfile.TarFile, name: str) -> bytes:
    member = package.extractfile(name)
    assert member is not None
    return member.read()


def main(arguments: list[str]) -> int:
    """0 when the files are those of the package."""
    files = fetch()
    if "--write" in arguments:
        for name, content in files.items():
            (FOLDER / name).write_bytes(content)
    different = [name for name, content in files.items() if (FOLDER / name).read_bytes() != content]
    for name in different:
        print(f"{FOLDER / name} is not that of papaparse {VERSION}: run with --write", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
