"""One-off triggers: one instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nuvom.errors import InvalidTrigger
from nuvom.triggers import OneOffTrigger, Trigger

AT = datetime(2026, 8, 25, 12, 0, 0, 5, tzinfo=UTC)
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused
MICROSECOND = timedelta(microseconds=1)


def test_it_is_due_once() -> None:
    trigger: Trigger = OneOffTrigger(AT)
    assert trigger.after(AT - MICROSECOND) == AT
    assert trigger.after(AT) is None
    assert trigger.before(AT + MICROSECOND) == AT
    assert trigger.before(AT) is None
    assert list(trigger.between(AT, AT + MICROSECOND)) == [AT]
    assert list(trigger.between(AT - MICROSECOND, AT)) == []
    assert list(trigger.between(AT + MICROSECOND, AT)) == []


def test_both_copies_of_a_local_time_are_their_own_instants() -> None:
    new_york = ZoneInfo("America/New_York")
    first = datetime(2026, 11, 1, 1, 30, tzinfo=new_york)
    second = first.replace(fold=1)
    assert OneOffTrigger(first).at == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert OneOffTrigger(second).after(first) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert OneOffTrigger(first).after(second) is None


def test_it_is_a_value_in_utc() -> None:
    here = OneOffTrigger(AT.astimezone(ZoneInfo("Europe/Paris")))
    assert here == OneOffTrigger(AT)
    assert hash(here) == hash(OneOffTrigger(AT))
    assert here.at.tzinfo is UTC
    assert repr(here) == f"OneOffTrigger(at={AT!r})"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NAIVE, "naive"),
        ("2026-01-01", "no datetime"),
        (None, "no datetime"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), "years 1 to 9999"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), "years 1 to 9999"),
    ],
)
def test_a_time_that_is_no_instant_is_refused(at: Any, words: str) -> None:
    with pytest.raises(InvalidTrigger, match=words) as caught:
        OneOffTrigger(at)
    assert caught.value.field == "at"


def test_a_naive_question_is_refused() -> None:
    trigger, naive = OneOffTrigger(AT), NAIVE
    for ask in (
        lambda: trigger.after(naive),
        lambda: trigger.before(naive),
        lambda: trigger.between(naive, AT),
        lambda: trigger.between(AT, naive),
    ):
        with pytest.raises(ValueError, match="naive"):
            ask()
