"""What SQLite's errors mean to a caller: each names the file and the remedy (https://www.sqlite.org/rescode.html)."""

from __future__ import annotations

import shutil
import sqlite3

from nuvom.errors import StoreBusy, StoreError, StoreFull, StoreUnavailable, StoreUnusable

_ROOM = 1 << 20  # bytes; a disk with less is what a failed write is put down to


def code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error; 0 for one that Python raised itself."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another connection was in the way, so that trying again may do."""
    return code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def translated(error: sqlite3.Error, location: str, *, committing: bool = False) -> StoreError:
    """Return the store's error for SQLite's; while committing, a failed write leaves open whether it happened."""
    match code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy(
                f"{location} is locked by another process; repeat, or find who holds it: `fuser {location}`"
            )
        case sqlite3.SQLITE_FULL:
            return StoreFull(f"no room left for {location}: free some disk space; what is stored is intact")
        case sqlite3.SQLITE_IOERR if _disk_is_full(location):
            return StoreFull(f"no room left for {location}: free some disk space; what is stored is intact")
        case sqlite3.SQLITE_NOTADB:
            return StoreUnusable(f"{location} is not a SQLite database; name another file, or move this one away")
        case sqlite3.SQLITE_CORRUPT:
            return StoreUnusable(
                f"{location} is damaged ({error}); stop all services, then restore a backup "
                f"or run `sqlite3 {location} .recover`"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return StoreUnusable(
                f"{location} is read-only for this user ({error}); the file and its folder must be writable"
            )
        case sqlite3.SQLITE_CANTOPEN:
            return StoreUnusable(f"{location} cannot be opened ({error}); its folder must exist and be writable")
        case sqlite3.SQLITE_CONSTRAINT:
            return StoreError(f"{location} refused what would break a rule of its schema: {error}")
        case sqlite3.SQLITE_ERROR | sqlite3.SQLITE_SCHEMA:
            return StoreUnusable(f"{location} does not have the tables of this release: {error}")
        case _:
            return StoreUnavailable(f"{location} failed: {error}", unknown=committing)


def _disk_is_full(location: str) -> bool:
    try:
        return shutil.disk_usage(location).free < _ROOM
    except OSError:
        return False
