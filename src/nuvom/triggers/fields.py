"""One field of a cron expression: its text read as a set of values, or refused by name with the remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from nuvom.triggers.dates import LAST, LAST_WORKDAY


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """What one place of an expression may hold.

    `values` is what `*` means, `written` what numbers may stand there, `hashed` what `H` chooses from; `unit` is the
    timedelta argument for intervals that the field cannot express.
    """

    name: str
    values: range
    written: range
    hashed: range
    unit: str | None = None
    names: tuple[str, ...] = ()


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

SECOND = Field("second", range(60), range(60), range(60), "seconds")
MINUTE = Field("minute", range(60), range(60), range(60), "minutes")
HOUR = Field("hour", range(24), range(24), range(24), "hours")
DAY = Field("day of month", range(1, 32), range(1, 32), range(1, 29), "days")  # H: a day that every month has
MONTH = Field("month", range(1, 13), range(1, 13), range(1, 13), names=_MONTHS)
WEEKDAY = Field("day of week", range(7), range(8), range(7), names=_WEEKDAYS)

_STAR = re.compile(r"\*(?:/([0-9]+))?")
_RANGE = re.compile(r"([0-9]+|[A-Z]{3})(?:-([0-9]+|[A-Z]{3}))?(?:/([0-9]+))?")
_HASH = re.compile(r"H(?:\(([0-9]+)-([0-9]+)\))?(?:/([0-9]+))?")
_NTH = re.compile(r"([0-9]|[A-Z]{3})(?:#([0-9]+)|L)")
_NEAREST = re.compile(r"(?:[0-9]+W|W[0-9]*)")
_MOST_IN_A_MONTH = 5
_FIRST_LIKELY_YEAR = 1970


class Refused(Exception):
    """A field's text cannot be used: which field, where in its text the item begins, and why."""

    def __init__(self, field: Field, offset: int, reason: str) -> None:
        super().__init__(field, offset, reason)
        self.field = field
        self.offset = offset
        self.reason = reason


class Item(NamedTuple):
    """One member of a field's list, and where in the field's text it begins."""

    field: Field
    text: str
    offset: int

    def refused(self, reason: str) -> Refused:
        """Return the error that names this item."""
        return Refused(self.field, self.offset, f"{self.text!r} {reason}")


class Weekdays(NamedTuple):
    """A day-of-week field, read; Sunday is 0 and the pairs are (weekday, which of the month, or LAST)."""

    plain: frozenset[int]
    nth: frozenset[tuple[int, int]]


# Expressions differ, but their fields are mostly the same few texts: reading each once makes a new expression cheap.
@lru_cache(maxsize=4096)
def values_of(field: Field, text: str, seed: str | None) -> tuple[int, ...]:
    """Return, ascending, the values that a field's text stands for; of a day of month also LAST and LAST_WORKDAY.

    Raises Refused. `seed` is None where the text has no `H`.
    """
    first, *others = _items(field, text)
    values = _values(first, seed)
    return tuple(sorted({*values, *(value for item in others for value in _values(item, seed))}) if others else values)


@lru_cache(maxsize=1024)
def weekdays_of(text: str, seed: str | None) -> Weekdays:
    """Return what a day-of-week field's text stands for. Raises Refused. `seed` is None where the text has no `H`."""
    plain: set[int] = set()
    nth: set[tuple[int, int]] = set()
    for item in _items(WEEKDAY, text):
        if pair := _nth_weekday(item):
            nth.add(pair)
        else:
            plain.update(value % 7 for value in _values(item, seed))
    return Weekdays(frozenset(plain), frozenset(nth))


def _items(field: Field, text: str) -> list[Item]:
    items: list[Item] = []
    offset = 0
    for part in text.split(","):
        items.append(Item(field, part, offset))
        offset += len(part) + 1
    return items


def _values(item: Item, seed: str | None) -> Sequence[int]:
    text = item.text.upper()
    if star := _STAR.fullmatch(text):
        return item.field.values[:: _step(item, star[1], len(item.field.values))]
    if plain := _RANGE.fullmatch(text):
        return _range(item, plain)
    if hashed := _HASH.fullmatch(text):
        return _hashed(item, hashed, seed)
    if item.field is DAY and text in ("L", "LW"):
        return (LAST if text == "L" else LAST_WORKDAY,)
    raise item.refused(_misreading(item))


def _nth_weekday(item: Item) -> tuple[int, int] | None:
    match = _NTH.fullmatch(item.text.upper())
    if match is None:
        return None
    weekday = _number(item, match[1]) % 7
    if match[2] is None:
        return weekday, LAST
    if not 1 <= int(match[2]) <= _MOST_IN_A_MONTH:
        raise item.refused(f"asks for a weekday that no month has; after # stands 1 to {_MOST_IN_A_MONTH}")
    return weekday, int(match[2])


def _range(item: Item, match: re.Match[str]) -> Sequence[int]:
    first, last, step = match.groups()
    step_by = _step(item, step, len(item.field.values))
    low = _number(item, first)
    if last is None:
        return range(low, item.field.written[-1] + 1, step_by) if step else (low,)
    high = low if last == first else _number(item, last, ends_range=True)
    if high < low:
        raise item.refused(f"runs backwards; write {_two_parts(item.field, first, last, step)!r}")
    return range(low, high + 1, step_by)


def _hashed(item: Item, match: re.Match[str], seed: str | None) -> Sequence[int]:
    first, last, step = match.groups()
    span = item.field.hashed
    if first is not None:
        low, high = _number(item, first), _number(item, last)
        if high < low:
            raise item.refused(f"runs backwards; write 'H({last}-{first})'")
        span = range(low, high + 1)
    step_by = _step(item, step, len(span))
    if seed is None:
        raise item.refused("is spread by a seed, for example the schedule's name; give seed='nightly'")
    digest = blake2b(f"{seed}\0{item.field.name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    chosen = int.from_bytes(digest, "big")
    return span[chosen % step_by :: step_by] if step else (span[chosen % len(span)],)


def _step(item: Item, text: str | None, count: int) -> int:
    step = 1 if text is None else int(text)
    if step == 0:
        raise item.refused("has a step of 0, which never moves on; steps begin at 1")
    if step > count:
        remedy = "write the values as a list"
        if item.field.unit and text and len(text) <= len("99999"):
            remedy = f"for every {step} {item.field.unit} use interval=timedelta({item.field.unit}={step})"
        raise item.refused(f"has a step larger than its {count} values, so it would not do what it says; {remedy}")
    return step


def _number(item: Item, text: str, *, ends_range: bool = False) -> int:
    field = item.field
    if text in field.names:
        number = field.names.index(text) + field.values[0]
        return 7 if ends_range and field is WEEKDAY and number == 0 else number
    if not text.isdigit():
        raise item.refused(_misreading(item))
    number = int(text)
    if number in field.written:
        return number
    bounds = f"{field.written[0]} to {field.written[-1]}"
    if field is HOUR and number == len(field.values):
        raise item.refused(f"is outside {bounds}: midnight is hour 0 of the next day; write 0")
    if number >= _FIRST_LIKELY_YEAR:
        raise item.refused(f"is outside {bounds}; a year cannot be given, and of six fields the first is the second")
    raise item.refused(f"is outside {bounds}")


def _two_parts(field: Field, first: str, last: str, step: str | None) -> str:
    names = field.names if first.isalpha() and last.isalpha() else None
    bottom, top = (names[0], names[-1]) if names else (str(field.values[0]), str(field.values[-1]))
    by = f"/{step}" if step else ""
    left = first if first == top else f"{first}-{top}{by}"
    right = bottom if last == bottom else f"{bottom}-{last}{by}"
    return right if field is WEEKDAY and first == "7" else f"{left},{right}"


def _misreading(item: Item) -> str:
    field, text = item.field, item.text.upper()
    full = next((name for name in field.names if text.startswith(name) and text.isalpha()), None)
    if not text:
        return "is empty; remove the comma that has nothing on one side"
    if "?" in text:
        return "is not cron: where Quartz writes ? cron writes *"
    if full:
        return f"is spelled out; names have three letters: {full!r}"
    if field is DAY and text.startswith("L-"):
        return "counts back from the end of the month, which is not supported; write 'L' for the last day, or days"
    if field is DAY and _NEAREST.fullmatch(text):
        return "asks for the nearest workday, which is not supported; write 'LW' for the month's last workday, or days"
    if field is WEEKDAY and text == "L":
        return "does not say which weekday; write '6L' or 'SATL' for the month's last Saturday"
    names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    return (
        f"is not understood; write *, */step, or values and ranges of {field.written[0]} to {field.written[-1]}{names}"
    )
