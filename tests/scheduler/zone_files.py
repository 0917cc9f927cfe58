"""Releases of the tz database made up by a test: TZif files (RFC 8536) with the rules that it needs."""

import struct
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from nuvom.scheduler import due, plan
from nuvom.triggers import zones

Rules = Sequence[tuple[datetime | None, timedelta]]  # from when (None: ever) which offset


def write_release(folder: Path, release: str, rules: Mapping[str, Rules]) -> Path:
    """Write a tz database of a release that says these rules of these zones; other zones are those of the package."""
    folder.mkdir()
    (folder / "tzdata.zi").write_text(f"# version {release}\n", "ascii")
    for name, changes in rules.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_tzif(changes))
    return folder


@contextmanager
def tz_database(folder: Path) -> Iterator[None]:
    """Let this process be one that was started with the tz database in a folder."""
    before = zoneinfo.TZPATH
    _start_with([str(folder)])
    try:
        yield
    finally:
        _start_with(before)


def _start_with(path: Sequence[str]) -> None:
    zoneinfo.reset_tzpath(to=path)
    ZoneInfo.clear_cache()
    for cached in (zones._loaded, due._cron, due._cron_after, plan._offset):
        cached.cache_clear()


def _tzif(changes: Rules) -> bytes:
    offsets = sorted({offset for _, offset in changes})
    first = offsets.index(changes[0][1])
    offsets = [offsets[first], *offsets[:first], *offsets[first + 1 :]]  # type 0 holds before the first change
    later = [(int(at.timestamp()), offsets.index(offset)) for at, offset in changes if at is not None]
    types = b"".join(struct.pack(">lbb", int(offset.total_seconds()), 0, 0) for offset in offsets)
    empty = _header(0, 1) + struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    body = struct.pack(f">{len(later)}q", *(at for at, _ in later)) + bytes(kind for _, kind in later)
    return empty + _header(len(later), len(offsets)) + body + types + b"XXX\0" + b"\n\n"


def _header(times: int, types: int) -> bytes:
    return b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, times, types, 4)
