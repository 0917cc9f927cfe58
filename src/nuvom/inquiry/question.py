"""What time somebody means who asks `why`: words and local times turned into instants. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

TICK = timedelta(microseconds=1)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
_WORDS = re.compile(rf"(?:(?P<day>{'|'.join(_DAYS)})(?:[ T]+{_TIME})?)", re.ASCII)
_CLOCK = re.compile(_TIME, re.ASCII)
_SECONDS = re.compile(r":\d{2}:\d{2}", re.ASCII)
_REMEDY = (
    "write last, next, now, 03:00, yesterday 03:00, or a date and time such as 2026-03-08 02:30 "
    "(in the schedule's zone; 2026-03-08T02:30Z or +01:00 says another)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A time that was asked about.

    `windows` holds the instants that it may mean: two where a local time comes twice, none where it does not exist or
    a word (`last`, `next`) leaves it to the schedule. `local` are the bounds on the wall clock where no offset was
    said.
    """

    said: str
    word: str | None = None
    windows: tuple[tuple[datetime, datetime], ...] = ()
    local: tuple[datetime, datetime] | None = None


def question(when: str | datetime, zone: ZoneInfo, now: datetime) -> Question:
    """Return what `when` means on the clock of a zone.

    Args:
        when: `last`, `next`, `now`, a time, `yesterday` or a date with or without a time, or a datetime; without an
            offset it is on the zone's clock.
        zone: the schedule's.
        now: the store's clock.

    Raises:
        ValueError: it is none of these.
    """
    try:
        if isinstance(when, datetime):
            return _of_datetime(when, when.isoformat(timespec="minutes"), zone)
        return _of_text(when.strip(), zone, now)
    except OverflowError:
        raise ValueError(f"{str(when)!r} lies outside of the years 1 to 9999") from None


def _of_text(text: str, zone: ZoneInfo, now: datetime) -> Question:
    word = text.lower()
    if word in ("last", "next"):
        return Question(said=word, word=word)
    if word == "now":
        start = now.replace(second=0, microsecond=0)
        return Question(said=word, windows=((start, start + MINUTE),))
    today = now.astimezone(zone).date()
    if found := _WORDS.fullmatch(word):
        day = today + timedelta(days=_DAYS[found["day"]])
        return _of_day(text, day, zone) if found["hour"] is None else _of_clock(text, day, found, zone)
    if found := _CLOCK.fullmatch(word):
        return _of_clock(text, today, found, zone)
    try:
        return _of_day(text, date.fromisoformat(text), zone)
    except ValueError:
        pass
    try:
        return _of_datetime(datetime.fromisoformat(text), text, zone)
    except ValueError:
        raise ValueError(f"{text[:80]!r} is no time; {_REMEDY}") from None


def _of_clock(text: str, day: date, found: re.Match[str], zone: ZoneInfo) -> Question:
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    try:
        start = datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001  on the zone's clock
    except ValueError:
        raise ValueError(f"{text!r} is no time of a day; {_REMEDY}") from None
    return _local(text, start, MINUTE if found["second"] is None else SECOND, zone)


def _of_day(text: str, day: date, zone: ZoneInfo) -> Question:
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001  on the zone's clock
    first, end = (moment.replace(tzinfo=zone).astimezone(UTC) for moment in (start, start + DAY))
    return Question(said=text, windows=((first, end),) if first < end else (), local=(start, start + DAY))


def _of_datetime(moment: datetime, text: str, zone: ZoneInfo) -> Question:
    to_the_second = moment.second or _SECONDS.search(text)
    length = TICK if moment.microsecond else SECOND if to_the_second else MINUTE
    if moment.utcoffset() is None:
        return _local(text, moment, length, zone)
    start = moment.astimezone(UTC)
    return Question(said=text, windows=((start, start + length),))


def _local(text: str, start: datetime, length: timedelta, zone: ZoneInfo) -> Question:
    instants = {start.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    real = sorted(each for each in instants if each.astimezone(zone).replace(tzinfo=None, fold=0) == start)
    windows = tuple((each, each + length) for each in real)
    return Question(said=text, windows=windows, local=(start, start + length))
