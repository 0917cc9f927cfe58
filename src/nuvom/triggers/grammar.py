"""The cron grammar: an expression read into local times and what a reader should be told about them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from nuvom.errors import InvalidCron, InvalidTrigger
from nuvom.triggers.dates import DayRule
from nuvom.triggers.fields import DAY, HOUR, MINUTE, MONTH, SECOND, WEEKDAY, Field, Refused, values_of, weekdays_of
from nuvom.triggers.local_times import LocalTimes

LONGEST = 1000
ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_REFUSED_ALIASES = {
    "@reboot": "has no meaning for a schedule; call the task's .delay() where the program starts",
    "@every": "is not cron; use interval=, for example interval=300 for every five minutes",
}
_FIVE = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
_SIX = (SECOND, *_FIVE)
_SHAPE = "write five fields: minute hour day-of-month month day-of-week, for example '0 9 * * MON'"
_TOKEN = re.compile(r"[^ \t\r\n]+")
_GREGORIAN_CYCLE = range(2000, 2400)


class Cron(NamedTuple):
    """An expression as it was read; `warnings` says what a reader may not expect."""

    times: LocalTimes
    fixed_time: bool
    warnings: tuple[str, ...]


class _Texts(NamedTuple):
    """The texts of the fields; `second` is None where there are five."""

    second: str | None
    minute: str
    hour: str
    day: str
    month: str
    weekday: str


def parse(expression: str, seed: str | None) -> Cron:
    """Read an expression.

    Args:
        expression: at most 1,000 characters: five fields, six with seconds first, or an alias.
        seed: what `H` is spread by; None where the expression has no `H`.

    Raises:
        InvalidCron: the expression cannot be used; it names the field and the remedy.
        InvalidTrigger: an argument is no text.

    """
    if not isinstance(expression, str):
        raise InvalidTrigger("cron", expression, f"is no text; {_SHAPE}")
    if seed is not None and not isinstance(seed, str):
        raise InvalidTrigger("seed", seed, "is no text; give the schedule's name")
    if len(expression) > LONGEST:
        raise InvalidCron(expression, f"has {len(expression)} characters, more than {LONGEST}; use several schedules")
    return _parse(expression, _seed_for(expression, seed))


@lru_cache(maxsize=2048)
def _parse(expression: str, seed: str | None) -> Cron:
    texts = _texts(expression)
    try:
        return _read(expression, texts, seed)
    except Refused as refused:
        # Found again only here, so that a good expression does not pay for the places of its fields.
        position = _positions(expression)[_SIX.index(refused.field) - (texts.second is None)] + refused.offset
        raise InvalidCron(expression, refused.reason, part=refused.field.name, position=position) from None


def _read(expression: str, texts: _Texts, seed: str | None) -> Cron:
    seconds = (0,) if texts.second is None else _values(SECOND, texts.second, seed)
    minutes = _values(MINUTE, texts.minute, seed)
    hours = _values(HOUR, texts.hour, seed)
    day_rule = _day_rule(texts.day, texts.weekday, _seed_for(texts.day + texts.weekday, seed))
    months = _values(MONTH, texts.month, seed)
    if not any(day_rule.of_month(year, month) for year in _GREGORIAN_CYCLE for month in months):
        raise Refused(DAY, 0, "no date ever matches these day, month and weekday fields together; change one of them")
    marks = tuple([minute * 60 + second for minute in minutes for second in seconds])
    fixed_time = not texts.minute.startswith("*") and not texts.hour.startswith("*")
    warnings = [] if texts.second is None else [_six_fields(texts)]
    if day_rule.either:
        warnings.append(_either_day(texts))
    if fixed_time and _reads_as_repeating(texts, minutes, hours):
        warnings.append(_fixed_time(texts))
    said = tuple([f"cron={expression!r}: {warning}" for warning in warnings])
    return Cron(LocalTimes(marks, hours, months, day_rule), fixed_time, said)


def _texts(expression: str) -> _Texts:
    found = _TOKEN.findall(expression)
    if not found:
        raise InvalidCron(expression, f"is empty; {_SHAPE}")
    if not expression.isascii():
        odd = next(i for i, character in enumerate(expression) if not character.isascii())
        reason = f"{expression[odd]!a} is no ASCII character; type digits, letters and spaces plainly"
        raise InvalidCron(expression, reason, position=odd)
    first = found[0]
    if first.upper().startswith(("TZ=", "CRON_TZ=")):
        reason = f"{first!r} does not belong here; pass timezone_name={first.partition('=')[2]!r}"
        raise InvalidCron(expression, reason, position=_positions(expression)[0])
    if first.startswith("@"):
        found = _alias(expression, found)
    if len(found) == len(_FIVE):
        return _Texts(None, *found)
    if len(found) == len(_SIX):
        return _Texts(*found)
    year = "; a year cannot be given" if len(found) > len(_SIX) else ""
    extra = _positions(expression)[len(_SIX)] if len(found) > len(_SIX) else None
    raise InvalidCron(expression, f"has {len(found)} fields{year}; {_SHAPE}", position=extra)


def _alias(expression: str, texts: list[str]) -> list[str]:
    alias, *rest = texts
    name = alias.lower()
    positions = _positions(expression)
    if name in _REFUSED_ALIASES:
        raise InvalidCron(expression, f"{alias!r} {_REFUSED_ALIASES[name]}", position=positions[0])
    if name not in ALIASES:
        raise InvalidCron(expression, f"{alias!r} is unknown; write {', '.join(ALIASES)}", position=positions[0])
    if rest:
        raise InvalidCron(expression, f"{alias!r} stands for all fields; remove what follows it", position=positions[1])
    return ALIASES[name].split()


def _positions(expression: str) -> list[int]:
    return [match.start() for match in _TOKEN.finditer(expression)]


def _seed_for(text: str, seed: str | None) -> str | None:
    """Return the seed only where it matters, so that what is remembered serves every schedule."""
    return seed if seed is not None and "H" in text.upper() else None


def _values(field: Field, text: str, seed: str | None) -> tuple[int, ...]:
    return values_of(field, text, _seed_for(text, seed))


@lru_cache(maxsize=1024)
def _day_rule(day: str, weekday: str, seed: str | None) -> DayRule:
    # POSIX, crontab: "if both are restricted, either may match"; vixie-cron takes a leading * as not restricted.
    either = not day.startswith("*") and not weekday.startswith("*")
    return DayRule(frozenset(_values(DAY, day, seed)), *weekdays_of(weekday, _seed_for(weekday, seed)), either)


def _reads_as_repeating(texts: _Texts, minutes: tuple[int, ...], hours: tuple[int, ...]) -> bool:
    stepped = "/" in texts.minute or "/" in texts.hour
    return stepped or len(minutes) == len(MINUTE.values) or len(hours) == len(HOUR.values)


def _six_fields(texts: _Texts) -> str:
    reading = ", ".join(f"{field.name} {text}" for field, text in zip(_SIX, texts, strict=True))
    return f"six fields are read with seconds first: {reading}"


def _either_day(texts: _Texts) -> str:
    return (
        f"day of month {texts.day} and day of week {texts.weekday} are both set, so a day that matches either one "
        "runs (POSIX)"
    )


def _fixed_time(texts: _Texts) -> str:
    return (
        f"neither minute {texts.minute} nor hour {texts.hour} begins with *, so these are fixed times: at a clock "
        "change a skipped one runs once right after it, and of a repeated hour only the first copy runs; begin one "
        "with * to follow the clock"
    )
