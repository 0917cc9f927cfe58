"""An expression in words says when it runs, all of it and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, reject, strategies as st

from nuvom.errors import InvalidCron
from nuvom.triggers import CronTrigger
from nuvom.triggers.words import in_words

SAID = {
    "* * * * *": "Every minute",
    "*/5 * * * *": "Every 5 minutes",
    "0/5 * * * *": "Every 5 minutes",
    "0,30 * * * *": "Every 30 minutes",
    "7/15 * * * *": "Every 15 minutes from minute 7",
    "*/7 * * * *": "At every 7th minute from 0 to 56 of every hour",
    "*/5,7 0-23 * * *": "At minutes 0, 5, 7, 10, 15, 20, 25, 30, 35, 40, 45, 50 and 55 of every hour",
    "1-5,10-20 * * * *": "At minutes 1 to 5 and 10 to 20 of every hour",
    "5 * * * *": "At minute 5 of every hour",
    "@hourly": "Every hour",
    "9-9/2 * * * *": "At minute 9 of every hour",
    "0 */2 * * *": "Every 2 hours from 00:00 to 22:00",
    "0 */5 * * *": "Every 5 hours from 00:00 to 20:00",
    "30 9-17 * * *": "Every hour from 09:30 to 17:30",
    "*/5 9-17 * * *": "Every 5 minutes from 09:00 to 17:55",
    "* 5 * * *": "Every minute from 05:00 to 05:59",
    "*/10 9,12,17 * * *": "Every 10 minutes of hours 9, 12 and 17",
    "*/10 9,17 * * *": "Every 10 minutes of hours 9 and 17",
    "5-50/9 9,17 * * *": "At every 9th minute from 5 to 50 of hours 9 and 17",
    "0,30 9,17 * * *": "At 09:00, 09:30, 17:00 and 17:30, every day",
    "@daily": "At 00:00, every day",
    "@midnight": "At 00:00, every day",
    "@weekly": "At 00:00, on Sunday",
    "@monthly": "At 00:00, on day 1 of the month",
    "@YEARLY": "At 00:00, on day 1 of the month, in January",
    "0 0 * 2 *": "At 00:00, every day, in February",
    "0 0 1 */3 *": "At 00:00, on day 1 of the month, in January, April, July and October",
    "0 0 1 JAN-MAR,NOV *": "At 00:00, on day 1 of the month, in January to March and November",
    "0 9 * * MON": "At 09:00, on Monday",
    "0 9 * * 1-5": "At 09:00, on Monday to Friday",
    "0 9 * * FRI-SUN": "At 09:00, on Friday to Sunday",
    "0 9 * * SUN-TUE": "At 09:00, on Monday, Tuesday and Sunday",
    "0 9 * * 7": "At 09:00, on Sunday",
    "0 9 * * */2": "At 09:00, on Tuesday, Thursday, Saturday and Sunday",
    "0 9 * * FRI/2": "At 09:00, on Friday and Sunday",
    "0 9 * * MON#1": "At 09:00, on the first Monday of the month",
    "0 9 * * 5#3,MON#1": "At 09:00, on the first Monday of the month and the third Friday of the month",
    "0 9 * * 5L": "At 09:00, on the last Friday of the month",
    "0 9 * * MON,FRIL": "At 09:00, on Monday and the last Friday of the month",
    "0 9 L * *": "At 09:00, on the last day of the month",
    "0 9 LW * *": "At 09:00, on the last workday (Monday to Friday) of the month",
    "0 9 1,15,L * *": "At 09:00, on days 1 and 15 and the last day of the month",
    "0 9 */2 * *": "At 09:00, on every 2nd day from 1 to 31 of the month",
    "0 9 1-31 * MON": "At 09:00, every day",
    "0 9 13 * FRI": "At 09:00, on day 13 of the month or on Friday",
    "0 9 */2 * FRI": "At 09:00, on every 2nd day from 1 to 31 of the month, and only on Friday",
    "0 9 31 * */2": "At 09:00, on day 31 of the month, and only on Tuesday, Thursday, Saturday and Sunday",
    "* * * * * *": "Every second",
    "*/10 * * * * *": "Every 10 seconds",
    "0 */10 * * * *": "Every 10 minutes",
    "15 * * * * *": "At second 15 of the minute",
    "*/20 30 2 * * *": "At 02:30:00, 02:30:20 and 02:30:40, every day",
    "* 0 9-17 * * *": "Every second, in minute 0 of hours 9 to 17",
    "*/7 * 9 * * *": "At every 7th second from 0 to 56 of the minute, in hour 9",
    "H(5-5) 3 * * *": "At 03:05, every day",
}


@pytest.mark.parametrize(("expression", "words"), SAID.items())
def test_each_construct_has_its_words(expression: str, words: str) -> None:
    assert in_words(CronTrigger(expression, seed="nightly")) == words


def fields(star: str, *others: str) -> st.SearchStrategy[str]:
    return st.one_of(st.just(star), st.lists(st.sampled_from(others), min_size=1, max_size=2).map(",".join))


EXPRESSIONS = st.tuples(
    fields("0", "*", "*/20", "*/7", "15", "30"),
    fields("*", "*/5", "*/7", "0", "7/15", "30", "0-4", "59", "10-50/20"),
    fields("*", "*/2", "*/5", "0", "9-17", "9", "12", "23", "1-7/3"),
    fields("*", "*/2", "1", "L", "LW", "1-31", "3-9", "31"),
    fields("*", "2", "JAN-MAR", "*/3", "12"),
    fields("*", "MON", "1-5", "FRI-SUN", "*/2", "2#1", "5L", "0-6"),
).map(" ".join)
SAID_OF: dict[str, tuple[Any, ...]] = {}


@given(EXPRESSIONS)
def test_expressions_with_the_same_words_run_at_the_same_times(expression: str) -> None:
    try:
        times = CronTrigger(expression).times
    except InvalidCron:  # 31 February
        reject()
    dates = tuple(times.day_rule.of_month(year, month) for year in range(2000, 2028) for month in (1, 2, 4))
    meant = (times.marks, times.hours, times.months, dates)
    assert SAID_OF.setdefault(in_words(CronTrigger(expression)), meant) == meant


def test_h_is_said_as_what_it_became() -> None:
    trigger = CronTrigger("H H * * *", seed="nightly")
    hour, mark = trigger.times.hours[0], trigger.times.marks[0]
    assert in_words(trigger) == f"At {hour:02}:{mark // 60:02}, every day"
