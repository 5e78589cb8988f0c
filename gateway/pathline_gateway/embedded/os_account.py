"""Who runs Postgres: it refuses root, so root hands it to another account. No account is made and none is changed."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from .errors import DataDirectoryNotWritable

PREFERRED_ACCOUNTS = ("pathline", "postgres", "nobody")
"""The first of these that exists runs a new database of root's; `useradd --system pathline` gives it one of its own."""


@dataclass(frozen=True)
class OsAccount:
    name: str
    uid: int
    gid: int


def choose_account(cluster: Path) -> OsAccount | None:
    """Who shall run Postgres on this cluster; None is this process as it is.

    The owner of a cluster that exists runs it, so an account that appears later changes nothing.
    """
    if os.geteuid() != 0:
        _check_may_run(cluster)
        return None
    if cluster.exists():
        return _cluster_owner(cluster)
    return _preferred_account(cluster)


def _check_may_run(cluster: Path) -> None:
    if cluster.exists() and (owner := cluster.stat().st_uid) != os.geteuid():
        name = find_account(owner, owner).name
        raise DataDirectoryNotWritable(cluster, f"it belongs to {name}", f"start as {name} or as root")


def _cluster_owner(cluster: Path) -> OsAccount:
    owner = cluster.stat()
    if owner.st_uid == 0:
        name = _preferred_account(cluster).name
        raise DataDirectoryNotWritable(
            cluster, "it belongs to root, whom Postgres refuses", f"chown -R {name} {cluster}"
        )
    return find_account(owner.st_uid, owner.st_gid)


def _preferred_account(cluster: Path) -> OsAccount:
    for name in PREFERRED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return OsAccount(name, entry.pw_uid, entry.pw_gid)
    raise DataDirectoryNotWritable(
        cluster, "Postgres refuses root", "make an account for it: useradd --system pathline"
    )


def find_account(uid: int, gid: int) -> OsAccount:
    """The account with this uid; its name is the number, its group the given one, where the machine knows no better."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return OsAccount(str(uid), uid, gid)
    return OsAccount(entry.pw_name, uid, entry.pw_gid)


def find_closed_part(account: OsAccount, path: Path) -> Path | None:
    """The first part of the path that this account may not pass or execute; None when it may reach and run it.

    Reads mode bits only: it does not see an access list that grants more. A caller then takes a detour it did not need.
    """
    for part in (*reversed(path.parents), path):
        part_status = part.stat()
        if not may_execute(account, part_status.st_mode, part_status.st_uid, part_status.st_gid):
            return part
    return None


def may_execute(account: OsAccount, mode: int, uid: int, gid: int) -> bool:
    """Whether the execute bit that counts for this account is set: the owner's, else the group's, else the others'."""
    if uid == account.uid:
        return bool(mode & stat.S_IXUSR)
    if gid == account.gid:
        return bool(mode & stat.S_IXGRP)
    return bool(mode & stat.S_IXOTH)
