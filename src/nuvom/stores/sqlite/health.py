"""How a SQLite store is, for `doctor`: what it runs on, and what may go wrong."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

from nuvom.stores.sqlite import migrations
from nuvom.stores.sqlite.database import Database
from nuvom.stores.values import Health

_RESET_FIXED = (3, 51, 3)
_REMOTE = ("nfs", "cifs", "smb", "9p", "afs", "fuse.sshfs", "fuse.s3fs", "glusterfs")
_CHECKING = 2.0  # seconds: some hundred MB
_NAMED = 3  # damages
_CHECKED = "all pages are whole (PRAGMA quick_check)"
_UNCHECKED = f"not looked at: it takes longer than {_CHECKING:.0f} s; PRAGMA quick_check in a copy does it"
_MOUNTS = Path("/proc/mounts")


def health(database: Database) -> Health:
    """Say how the store is."""
    with database.read() as connection:
        schema = migrations.stored_version(connection)
        pages, free, page = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        damage = None if database.file is None else _damage(connection)
    return Health(
        engine="sqlite",
        version=sqlite3.sqlite_version,
        schema=schema,
        schema_needed=migrations.VERSION,
        location=database.location,
        size=pages * page,
        problems=() if database.file is None else tuple(_problems(database.file.path)),
        dangers=(_danger(database.location, damage),) if damage else (),
        facts={
            "integrity": _CHECKED if damage is not None else _UNCHECKED,
            "log": f"{database.log_size()} bytes",
            "free": f"{free * page} bytes",
            "checkpoints": _checkpoints(),
        },
    )


def _damage(connection: sqlite3.Connection) -> list[str] | None:
    """Return what is wrong with the file's pages, None where that takes too long: a large file is read as a whole."""
    alarm = threading.Timer(_CHECKING, connection.interrupt)
    alarm.start()
    try:
        found = [str(row[0]) for row in connection.execute(f"PRAGMA quick_check({_NAMED})")]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        alarm.cancel()
        alarm.join()  # so that it interrupts nothing else
    lines = [line for each in found for line in each.splitlines() if not line.startswith("***")]  # its headings
    return [] if lines == ["ok"] else lines[:_NAMED]


def _danger(location: str, damage: list[str]) -> str:
    return (
        f"{location} is damaged ({'; '.join(damage)}); stop all services, then restore a backup or run "
        f"`sqlite3 {location} .recover`"
    )


def _checkpoints() -> str:
    if sqlite3.sqlite_version_info >= _RESET_FIXED:
        return "under the write lock"
    fixed = ".".join(map(str, _RESET_FIXED))
    return f"under the write lock, because SQLite before {fixed} can damage a file when one meets a restart of the log"


def _problems(path: Path) -> list[str]:
    problems = []
    kind = _filesystem(path)
    if kind.startswith(_REMOTE):
        problems.append(
            f"{path} is on a network filesystem ({kind}), whose locks SQLite cannot rely on: use a local disk"
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        problems.append(f"{path} can be read by other users: chmod 600 {path}")
    return problems


def _filesystem(path: Path) -> str:
    """Return the type of the filesystem that holds `path`; empty where the kernel does not tell."""
    try:
        mounts = [line.split()[1:3] for line in _MOUNTS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ""
    above = [(Path(point.replace("\\040", " ")), kind) for point, kind in mounts]
    holding = [(len(point.parts), kind) for point, kind in above if path.resolve().is_relative_to(point)]
    return max(holding, default=(0, ""))[1]
