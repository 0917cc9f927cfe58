"""The cron grammar: an expression read into local times and what a reader should be told about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from nuvom.errors import InvalidCron, InvalidTrigger
from nuvom.triggers.dates import DayRule
from nuvom.triggers.fields import DAY, HOUR, MINUTE, MONTH, SECOND, WEEKDAY, Field, items_of, nth_weekday, values_of
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


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression as it was read; `warnings` says what a reader may not expect."""

    times: LocalTimes
    fixed_time: bool
    warnings: tuple[str, ...]


class _Token(NamedTuple):
    text: str
    position: int


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
    return _parse(expression, seed if "H" in expression.upper() else None)


@lru_cache(maxsize=2048)
def _parse(expression: str, seed: str | None) -> Cron:
    tokens = _tokens(expression)
    fields = dict(zip(_SIX[-len(tokens) :], tokens, strict=True))
    seconds = _values(expression, SECOND, fields[SECOND], seed) if SECOND in fields else [0]
    minutes = _values(expression, MINUTE, fields[MINUTE], seed)
    hours = _values(expression, HOUR, fields[HOUR], seed)
    day_rule = _day_rule(expression, fields[DAY], fields[WEEKDAY], seed)
    months = _values(expression, MONTH, fields[MONTH], seed)
    if not any(day_rule.of_month(year, month) for year in _GREGORIAN_CYCLE for month in months):
        reason = "no date ever matches these day, month and weekday fields together; change one of them"
        raise InvalidCron(expression, reason, part=DAY.name, position=fields[DAY].position)
    marks = tuple(minute * 60 + second for minute in minutes for second in seconds)
    fixed_time = not fields[MINUTE].text.startswith("*") and not fields[HOUR].text.startswith("*")
    warnings = [_six_fields(tokens)] if SECOND in fields else []
    if day_rule.either:
        warnings.append(_either_day(fields))
    if fixed_time and _reads_as_repeating(fields, minutes, hours):
        warnings.append(_fixed_time(fields))
    times = LocalTimes(marks, tuple(hours), tuple(months), day_rule)
    return Cron(times, fixed_time, tuple(f"cron={expression!r}: {warning}" for warning in warnings))


def _tokens(expression: str) -> list[_Token]:
    tokens = [_Token(match.group(), match.start()) for match in _TOKEN.finditer(expression)]
    if not tokens:
        raise InvalidCron(expression, f"is empty; {_SHAPE}")
    if not expression.isascii():
        odd = next(i for i, character in enumerate(expression) if not character.isascii())
        reason = f"{expression[odd]!a} is no ASCII character; type digits, letters and spaces plainly"
        raise InvalidCron(expression, reason, position=odd)
    first = tokens[0]
    if first.text.upper().startswith(("TZ=", "CRON_TZ=")):
        reason = f"{first.text!r} does not belong here; pass timezone_name={first.text.partition('=')[2]!r}"
        raise InvalidCron(expression, reason, position=first.position)
    if first.text.startswith("@"):
        return _alias(expression, tokens)
    if len(tokens) not in (len(_FIVE), len(_SIX)):
        year = "; a year cannot be given" if len(tokens) > len(_SIX) else ""
        extra = tokens[len(_SIX)].position if len(tokens) > len(_SIX) else None
        raise InvalidCron(expression, f"has {len(tokens)} fields{year}; {_SHAPE}", position=extra)
    return tokens


def _alias(expression: str, tokens: list[_Token]) -> list[_Token]:
    alias, *rest = tokens
    name = alias.text.lower()
    if name in _REFUSED_ALIASES:
        raise InvalidCron(expression, f"{alias.text!r} {_REFUSED_ALIASES[name]}", position=alias.position)
    if name not in ALIASES:
        raise InvalidCron(expression, f"{alias.text!r} is unknown; write {', '.join(ALIASES)}", position=alias.position)
    if rest:
        reason = f"{alias.text!r} stands for all fields; remove what follows it"
        raise InvalidCron(expression, reason, position=rest[0].position)
    return [_Token(text, alias.position) for text in ALIASES[name].split()]


def _values(expression: str, field: Field, token: _Token, seed: str | None) -> list[int]:
    items = items_of(expression, field, token.text, token.position)
    return sorted(set[int]().union(*(values_of(item, seed) for item in items)))


def _day_rule(expression: str, day: _Token, weekday: _Token, seed: str | None) -> DayRule:
    weekdays: set[int] = set()
    nth: set[tuple[int, int]] = set()
    for item in items_of(expression, WEEKDAY, weekday.text, weekday.position):
        if pair := nth_weekday(item):
            nth.add(pair)
        else:
            weekdays.update(value % 7 for value in values_of(item, seed))
    # POSIX, crontab: "if both are restricted, either may match"; vixie-cron takes a leading * as not restricted.
    either = not day.text.startswith("*") and not weekday.text.startswith("*")
    return DayRule(frozenset(_values(expression, DAY, day, seed)), frozenset(weekdays), frozenset(nth), either)


def _reads_as_repeating(fields: dict[Field, _Token], minutes: list[int], hours: list[int]) -> bool:
    stepped = "/" in fields[MINUTE].text or "/" in fields[HOUR].text
    return stepped or len(minutes) == len(MINUTE.values) or len(hours) == len(HOUR.values)


def _six_fields(tokens: list[_Token]) -> str:
    reading = ", ".join(f"{field.name} {token.text}" for field, token in zip(_SIX, tokens, strict=True))
    return f"six fields are read with seconds first: {reading}"


def _either_day(fields: dict[Field, _Token]) -> str:
    day, weekday = fields[DAY].text, fields[WEEKDAY].text
    return f"day of month {day} and day of week {weekday} are both set, so a day that matches either one runs (POSIX)"


def _fixed_time(fields: dict[Field, _Token]) -> str:
    minute, hour = fields[MINUTE].text, fields[HOUR].text
    return (
        f"neither minute {minute} nor hour {hour} begins with *, so these are fixed times: at a clock change a skipped "
        "one runs once right after it, and of a repeated hour only the first copy runs; begin one with * to follow "
        "the clock"
    )
