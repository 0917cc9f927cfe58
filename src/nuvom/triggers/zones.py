"""Zone names: what the tz database has, without the names that mislead."""

from __future__ import annotations

import re
import zoneinfo
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from nuvom.errors import InvalidTrigger, UnknownTimezone

# tzdata's file `northamerica` and its NEWS for 2024b: since then these are links to areas, before they were fixed
# offsets or rules of their own; either way not the clock of the people who write them.
_REMEDIES = {
    "EST": "it stays at UTC-5 all year; write 'America/New_York' (Eastern time) or 'America/Panama' (always UTC-5)",
    "MST": "it stays at UTC-7 all year; write 'America/Denver' (Mountain time) or 'America/Phoenix' (always UTC-7)",
    "HST": "write 'Pacific/Honolulu'",
    "FACTORY": "it stands for a machine whose zone was never set; write an area such as 'Europe/Paris'",
    "LOCALTIME": "it differs from machine to machine; write an area such as 'Europe/Paris'",
    "LOCAL": "it differs from machine to machine; write an area such as 'Europe/Paris'",
    "PST": "write 'America/Los_Angeles'",
    "PDT": "write 'America/Los_Angeles'",
    "MDT": "write 'America/Denver'",
    "CST": "write 'America/Chicago' or 'Asia/Shanghai'",
    "CDT": "write 'America/Chicago'",
    "EDT": "write 'America/New_York'",
    "AST": "write 'America/Halifax' or 'Asia/Riyadh'",
    "ADT": "write 'America/Halifax'",
    "AKST": "write 'America/Anchorage'",
    "AKDT": "write 'America/Anchorage'",
    "NST": "write 'America/St_Johns'",
    "NDT": "write 'America/St_Johns'",
    "HDT": "write 'America/Adak'",
    "ART": "write 'America/Argentina/Buenos_Aires'",
    "BRT": "write 'America/Sao_Paulo'",
    "CLT": "write 'America/Santiago'",
    "CLST": "write 'America/Santiago'",
    "COT": "write 'America/Bogota'",
    "PET": "write 'America/Lima'",
    "BST": "write 'Europe/London' or 'Asia/Dhaka'",
    "WEST": "write 'Europe/Lisbon'",
    "CEST": "write 'Europe/Berlin'",
    "MEZ": "write 'Europe/Berlin'",
    "MESZ": "write 'Europe/Berlin'",
    "EEST": "write 'Europe/Athens'",
    "MSK": "write 'Europe/Moscow'",
    "TRT": "write 'Europe/Istanbul'",
    "WAT": "write 'Africa/Lagos'",
    "CAT": "write 'Africa/Maputo'",
    "SAST": "write 'Africa/Johannesburg'",
    "EAT": "write 'Africa/Nairobi'",
    "GST": "write 'Asia/Dubai'",
    "PKT": "write 'Asia/Karachi'",
    "IST": "write 'Asia/Kolkata', 'Europe/Dublin' or 'Asia/Jerusalem'",
    "ICT": "write 'Asia/Bangkok'",
    "WIB": "write 'Asia/Jakarta'",
    "PHT": "write 'Asia/Manila'",
    "SGT": "write 'Asia/Singapore'",
    "HKT": "write 'Asia/Hong_Kong'",
    "JST": "write 'Asia/Tokyo'",
    "KST": "write 'Asia/Seoul'",
    "AWST": "write 'Australia/Perth'",
    "ACST": "write 'Australia/Adelaide' or 'Australia/Darwin'",
    "ACDT": "write 'Australia/Adelaide'",
    "AEST": "write 'Australia/Sydney' or 'Australia/Brisbane'",
    "AEDT": "write 'Australia/Sydney'",
    "NZST": "write 'Pacific/Auckland'",
    "NZDT": "write 'Pacific/Auckland'",
    "Z": "write 'UTC'",
}
_AREAS = {
    "WET": "Europe/Lisbon",
    "CET": "Europe/Brussels",
    "MET": "Europe/Brussels",
    "EET": "Europe/Athens",
    "EST5EDT": "America/New_York",
    "CST6CDT": "America/Chicago",
    "MST7MDT": "America/Denver",
    "PST8PDT": "America/Los_Angeles",
}
_SECOND = timedelta(seconds=1)
_OFFSET = re.compile(r"(UTC|GMT)?\s*[+-]\s*\d", re.IGNORECASE)


def load_zone(name: str) -> ZoneInfo:
    """Return the zone of a name of the tz database, exact case.

    Raises:
        UnknownTimezone: the tz database lacks the name, or it is one that misleads.
        InvalidTrigger: it is no text.

    """
    if not isinstance(name, str):
        raise InvalidTrigger("timezone_name", name, "is no zone's name; write 'UTC' or an area such as 'Europe/Paris'")
    return _loaded(name)


@cache  # of the names in the tz database alone: the others raise
def _loaded(name: str) -> ZoneInfo:
    if remedy := _REMEDIES.get(name.upper()):
        raise UnknownTimezone(name, remedy)
    if name not in _names():
        offset = "an offset is no zone; write an area such as 'Europe/Paris', or 'Etc/GMT-2' for UTC+2 all year"
        raise UnknownTimezone(name, offset if _OFFSET.match(name) else None)
    return ZoneInfo(name)


def zone_warning(name: str) -> str | None:
    """Return what to write instead of a name that the tz database keeps only for old programs, or None."""
    area = _AREAS.get(name)
    return area and f"timezone_name={name!r} is an old name that says no place; write an area such as {area!r}"


@cache
def _names() -> frozenset[str]:
    # tzdata's own list: its case holds on every file system, and it has neither `right/` (leap seconds) nor folders
    return frozenset((files("tzdata") / "zones").read_text("ascii").split())


def utc_offset(name: str, moment: datetime) -> int:
    """Return the UTC offset of a zone at a moment, in seconds."""
    offset = moment.astimezone(ZoneInfo(name)).utcoffset()
    return 0 if offset is None else offset // _SECOND


def release() -> str:
    """Return the release of the tz database that zones are read from: the system's where it has one (PEP 615)."""
    return _first_release(zoneinfo.TZPATH) or package_release()


@cache
def package_release() -> str:
    """Return the release that the package tzdata brings."""
    return _named((files("tzdata") / "zoneinfo" / "tzdata.zi").read_text("ascii").partition("\n")[0]) or "unknown"


@cache
def _first_release(folders: tuple[str, ...]) -> str | None:
    return next(filter(None, (_release_in(Path(folder)) for folder in folders)), None)


def _release_in(folder: Path) -> str | None:
    try:
        with (folder / "tzdata.zi").open(encoding="ascii") as lines:
            return _named(next(lines, ""))
    except (OSError, UnicodeDecodeError):
        return None


def _named(line: str) -> str | None:
    # Its first line is "# version 2026f".
    return line.strip().rpartition(" ")[2] or None
