"""The agency's secret key in its file, readable by its owner only."""

from __future__ import annotations

import os
from pathlib import Path

from pathline.cli.errors import WrongKeyFile
from pathline.pseudonym import InvalidKey, Pseudonyms, decode_key, new_key


def write_new_key(path: Path) -> None:
    """A fresh key stands in a new file of mode 0600. Raises WrongKeyFile rather than overwrite anything."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise WrongKeyFile(
            f"{path} exists and is left as it is: without the old key nobody can be recognised again; "
            "name another file with --key-file"
        ) from None
    except OSError as error:
        raise WrongKeyFile(f"{path}: {error.strerror}; name another file with --key-file") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(new_key() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_key(path: Path) -> bytes:
    """The key in this file. Raises WrongKeyFile, without the key, when there is none."""
    try:
        return decode_key(path.read_text("utf-8-sig"))
    except OSError as error:
        raise WrongKeyFile(f"{path}: {error.strerror}; `pathline init` makes a key") from None
    except (InvalidKey, UnicodeDecodeError):
        raise WrongKeyFile(f"{path}: does not hold a key of 32 bytes in base64url; `pathline init` makes one") from None


def load_pseudonyms(org: str, path: Path, epoch: int) -> Pseudonyms:
    """The pseudonyms of this organisation under the key in this file."""
    try:
        return Pseudonyms(org, read_key(path), epoch)
    except ValueError as error:
        raise WrongKeyFile(f"{path}: {error}") from None
