"""Expressions chosen at random, with favour for the hours in which clocks change."""

from __future__ import annotations

import random

from tests.oracle.rule import WEEKDAYS


def random_expression(chance: random.Random, *, seconds: bool = False) -> str:
    """Return an expression with its texts chosen at random, with favour for the hours in which clocks change."""
    minute = _random_field(chance, 0, 59)
    hour = chance.choice([_random_field(chance, 0, 23), _random_field(chance, 0, 4), "*", "*"])
    anything = ["*", "*", "*", "*"]
    of_month = chance.choice([*anything, _random_field(chance, 1, 31), "L", "LW", "1,L", "*/2", "1-7"])
    month = chance.choice([*anything, _random_field(chance, 1, 12), "MAR-NOV", "3,4,9-11"])
    weekday = f"{chance.choice(WEEKDAYS)}#{chance.randint(1, 5)}"
    of_week = chance.choice([*anything, _random_field(chance, 0, 7, most=7), "FRI-SUN", weekday, "7", "SATL,0"])
    fields = [minute, hour, of_month, month, of_week]
    return " ".join([_random_field(chance, 0, 59), *fields] if seconds else fields)


def _random_field(chance: random.Random, low: int, high: int, most: int | None = None) -> str:
    return ",".join(_random_item(chance, low, high, most) for _ in range(chance.choice([1, 1, 1, 2, 3])))


def _random_item(chance: random.Random, low: int, high: int, most: int | None) -> str:
    first, last = sorted((chance.randint(low, high), chance.randint(low, high)))
    step = chance.randint(1, most or high - low + 1)
    shapes = ["*", f"*/{step}", f"{first}", f"{first}", f"{first}-{last}", f"{first}-{last}/{step}", f"{first}/{step}"]
    return chance.choice(shapes)
