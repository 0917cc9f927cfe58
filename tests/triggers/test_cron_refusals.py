"""What a cron trigger refuses: each by name, with the remedy, a caret under it, and fast."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from nuvom.errors import InvalidCron, InvalidTrigger, UnknownTimezone
from nuvom.triggers import CronTrigger

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused
REFUSALS = [
    # expression, field, what the caret points at, words of the message
    ("*/90 * * * *", "minute", "*/90", ["larger than its 60", "interval=timedelta(minutes=90)"]),
    ("0,*/90 * * * *", "minute", "*/90", ["interval=timedelta(minutes=90)"]),
    ("0 */30 * * *", "hour", "*/30", ["larger than its 24", "interval=timedelta(hours=30)"]),
    ("0 0 */40 * *", "day of month", "*/40", ["interval=timedelta(days=40)"]),
    ("0 0 1 */13 *", "month", "*/13", ["larger than its 12", "list"]),
    ("0 0 * * */8", "day of week", "*/8", ["larger than its 7", "list"]),
    ("*/61 * * * * *", "second", "*/61", ["interval=timedelta(seconds=61)"]),
    ("5/61 * * * *", "minute", "5/61", ["larger than its 60"]),
    ("1-9/61 * * * *", "minute", "1-9/61", ["larger than its 60"]),
    ("*/0 * * * *", "minute", "*/0", ["step of 0"]),
    ("0 22-4 * * *", "hour", "22-4", ["backwards", "'22-23,0-4'"]),
    ("0 23-4 * * *", "hour", "23-4", ["'23,0-4'"]),
    ("0 22-0 * * *", "hour", "22-0", ["'22-23,0'"]),
    ("0 22-4/2 * * *", "hour", "22-4/2", ["'22-23/2,0-4/2'"]),
    ("0 0 * NOV-FEB *", "month", "NOV-FEB", ["'NOV-DEC,JAN-FEB'"]),
    ("0 0 * * FRI-MON", "day of week", "FRI-MON", ["'FRI-SAT,SUN-MON'"]),
    ("0 0 * * 7-2", "day of week", "7-2", ["'0-2'"]),
    ("0 0 25-5 * *", "day of month", "25-5", ["'25-31,1-5'"]),
    ("0 0 ? * MON", "day of month", "?", ["Quartz", "*"]),
    ("0 0 L-3 * *", "day of month", "L-3", ["end of the month", "'L'"]),
    ("0 0 15W * *", "day of month", "15W", ["nearest workday", "'LW'"]),
    ("0 0 1,W * *", "day of month", "W", ["nearest workday"]),
    ("0 0 * * L", "day of week", "L", ["'SATL'"]),
    ("0 0 * * MONDAY", "day of week", "MONDAY", ["three letters", "'MON'"]),
    ("0 0 * JANUARY *", "month", "JANUARY", ["'JAN'"]),
    ("0 0 * * MON#6", "day of week", "MON#6", ["1 to 5"]),
    ("0 0 * * MON#0", "day of week", "MON#0", ["1 to 5"]),
    ("0 0 * * 8#1", "day of week", "8#1", ["0 to 7"]),
    ("0 0 * * XYZ", "day of week", "XYZ", ["SUN to SAT"]),
    ("0 0 * * MON-XYZ", "day of week", "MON-XYZ", ["SUN to SAT"]),
    ("0 0 * * APRL", "day of week", "APRL", ["not understood"]),
    ("0 24 * * *", "hour", "24", ["midnight is hour 0"]),
    ("60 0 * * *", "minute", "60", ["0 to 59"]),
    ("0 0 0 * *", "day of month", "0", ["1 to 31"]),
    ("0 0 32 * *", "day of month", "32", ["1 to 31"]),
    ("0 0 * 13 *", "month", "13", ["1 to 12"]),
    ("0 0 * * 8", "day of week", "8", ["0 to 7"]),
    ("0 9 1 1 * 2027", "day of week", "2027", ["year"]),
    ("MON 0 * * *", "minute", "MON", ["not understood"]),
    ("1,,2 * * * *", "minute", ",2", ["empty"]),
    (",1 * * * *", "minute", ",1", ["empty"]),
    ("1, * * * *", "minute", " *", ["empty"]),
    ("1- * * * *", "minute", "1-", ["not understood"]),
    ("*-5 * * * *", "minute", "*-5", ["not understood"]),
    ("** * * * *", "minute", "**", ["not understood"]),
    ("+5 * * * *", "minute", "+5", ["not understood"]),
    ("-5 * * * *", "minute", "-5", ["not understood"]),
    ("1_0 * * * *", "minute", "1_0", ["not understood"]),
    ("1.5 * * * *", "minute", "1.5", ["not understood"]),
    ("\0 * * * *", "minute", "\0", ["not understood"]),
    ("H * * * *", "minute", "H", ["seed='nightly'"]),
    ("H(5-1) * * * *", "minute", "H(5-1)", ["'H(1-5)'"]),
    ("H(0-10)/20 * * * *", "minute", "H(0-10)/20", ["larger than its 11"]),
    ("0 0 H/29 * *", "day of month", "H/29", ["larger than its 28"]),
    ("H(0-60) * * * *", "minute", "H(0-60)", ["0 to 59"]),
    ("0 0 30 2 *", "day of month", "30", ["no date ever matches"]),
    ("0 0 31 4,6,9,11 *", "day of month", "31", ["no date ever matches"]),
    ("0 0 30 2 */2", "day of month", "30", ["no date ever matches"]),
    ("0 0 */31 FEB MON#2", "day of month", "*/31", ["no date ever matches"]),
]  # fmt: skip

WHOLE = [
    ("", ["empty", "five fields"]),
    (" \t\n", ["empty", "five fields"]),
    ("* * * *", ["has 4 fields", "five fields"]),
    ("0 0 9 * * MON 2027", ["has 7 fields", "a year cannot be given"]),
    ("@reboot", ["'@reboot'", ".delay()"]),
    ("@every 5m", ["'@every'", "interval="]),
    ("@fortnightly", ["'@fortnightly'", "@weekly"]),
    ("@daily 5", ["'@daily'", "remove"]),
    ("TZ=Europe/Paris 0 9 * * *", ["timezone_name='Europe/Paris'"]),
    ("CRON_TZ=Europe/Paris 0 9 * * *", ["timezone_name='Europe/Paris'"]),
    ("\u0665 * * * *", ["'\\u0665'", "ASCII"]),
    ("0\u00a09 * * *", ["'\\xa0'", "ASCII"]),
    ("1," * 501 + "1 * * * *", ["1011 characters", "1000"]),
]


@pytest.mark.parametrize(("expression", "field", "pointed_at", "words"), REFUSALS)
def test_a_field_is_refused_by_name(expression: str, field: str, pointed_at: str, words: list[str]) -> None:
    with pytest.raises(InvalidCron) as caught:
        CronTrigger(expression)
    error, message = caught.value, str(caught.value)
    assert (error.field, error.value, error.part) == ("cron", expression, field)
    assert error.position is not None
    assert expression[error.position :].startswith(pointed_at)
    assert f"in the {field} field" in message
    assert [word for word in words if word not in message] == []
    shown, caret = message.splitlines()[-2:]
    assert caret == f"  {' ' * error.position}^"
    assert shown == f"  {expression}".replace("\0", " ")


@pytest.mark.parametrize(("expression", "words"), WHOLE)
def test_an_expression_is_refused_by_name(expression: str, words: list[str]) -> None:
    with pytest.raises(InvalidCron) as caught:
        CronTrigger(expression)
    message = str(caught.value)
    assert [word for word in words if word not in message] == []
    assert len(message) < 600


def test_the_caret_stays_under_a_long_expression() -> None:
    expression = ",".join(["1"] * 300) + ",61 * * * *"
    with pytest.raises(InvalidCron) as caught:
        CronTrigger(expression)
    shown, caret = str(caught.value).splitlines()[-2:]
    assert shown[caret.index("^") :].startswith("61 * * * *")
    assert len(shown) < 110


@pytest.mark.parametrize("expression", [None, 5, b"* * * * *", ["* * * * *"], {}])
def test_an_expression_that_is_no_text_is_refused(expression: Any) -> None:
    with pytest.raises(InvalidTrigger, match=r"cron=.*no text; write five fields"):
        CronTrigger(expression)


def test_a_seed_that_is_no_text_is_refused() -> None:
    seed: Any = 5
    with pytest.raises(InvalidTrigger, match="seed=5: is no text"):
        CronTrigger("H * * * *", seed=seed)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("EST", ["America/New_York", "America/Panama"]),
        ("MST", ["America/Denver", "America/Phoenix"]),
        ("HST", ["Pacific/Honolulu"]),
        ("est", ["America/New_York"]),
        ("Factory", ["never set"]),
        ("localtime", ["machine"]),
        ("PST", ["America/Los_Angeles"]),
        ("CEST", ["Europe/Berlin"]),
        ("IST", ["Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"]),
        ("BST", ["Europe/London"]),
        ("europe/paris", ["did you mean 'Europe/Paris'?"]),
        ("EUROPE/PARIS", ["did you mean 'Europe/Paris'?"]),
        ("utc", ["did you mean 'UTC'?"]),
        ("Europe/Pariss", ["did you mean 'Europe/Paris'?"]),
        ("Mars/Olympus_Mons", ["IANA name"]),
        ("+02:00", ["an offset is no zone"]),
        ("UTC+2", ["an offset is no zone"]),
        ("GMT-5", ["an offset is no zone"]),
        ("", ["IANA name"]),
        ("America", ["usable"]),
        ("America/", ["usable"]),
        ("../UTC", ["usable"]),
        ("../../etc/passwd", ["usable"]),
        ("/usr/share/zoneinfo/UTC", ["usable"]),
        ("./UTC", ["usable"]),
        ("UTC\0", ["usable"]),
        ("Europe/Paris ", ["did you mean 'Europe/Paris'?"]),
        ("right/UTC", ["usable"]),
        ("posix/UTC", ["usable"]),
        ("posixrules", ["usable"]),
        ("zone.tab", ["usable"]),
        ("tzdata.zi", ["usable"]),
        ("\ud800", ["IANA name"]),
        ("x" * 100_000, ["IANA name"]),
    ],
)
def test_a_zone_is_refused_by_name(name: str, words: list[str]) -> None:
    with pytest.raises(UnknownTimezone) as caught:
        CronTrigger("0 9 * * *", name)
    message = str(caught.value)
    assert caught.value.name == name
    assert [word for word in [*words, "timezone_name="] if word not in message] == []
    assert len(message) < 400


@pytest.mark.parametrize("name", [None, 5, UTC, b"UTC"])
def test_a_zone_that_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(InvalidTrigger, match=r"timezone_name=.*'Europe/Paris'"):
        CronTrigger("0 9 * * *", name)


@pytest.mark.parametrize("argument", [NAIVE, NAIVE.replace(fold=1)])
def test_a_naive_time_is_refused(argument: datetime) -> None:
    trigger = CronTrigger("0 9 * * *")
    aware = datetime(2026, 1, 1, tzinfo=UTC)
    for ask in (
        lambda: trigger.after(argument),
        lambda: trigger.before(argument),
        lambda: trigger.between(argument, aware),
        lambda: trigger.between(aware, argument),
    ):
        with pytest.raises(ValueError, match="naive"):
            ask()


def test_what_is_no_time_is_refused() -> None:
    moment: Any = "2026-01-01T00:00Z"
    with pytest.raises(TypeError, match="aware datetime"):
        CronTrigger("0 9 * * *").after(moment)


@pytest.mark.parametrize(
    "expression",
    [
        *(expression for expression, *_ in REFUSALS),
        *(expression for expression, *_ in WHOLE),
        "9" * 994 + " * * * *",
        f"*/{'9' * 900} * * * *",
        f"H(0-{'9' * 900}) * * * *",
        "1-2-" * 248 + " * * * *",
        "(" * 990 + " * * * *",
        " " * 1000,
        "*" * 5_000_000,
    ],
)
def test_a_refusal_takes_less_than_a_second(expression: str) -> None:
    started = time.process_time()
    with pytest.raises(InvalidCron) as caught:
        CronTrigger(expression)
    str(caught.value)
    assert time.process_time() - started < 1


CRON_LIKE = st.text(st.sampled_from("0123456789*/,-#LWH?()@ MONJAFRISU\t"), max_size=40)
FIVE = st.lists(st.text(st.sampled_from("0123456789*/,-#LWH()MONFRI"), min_size=1, max_size=6), min_size=5, max_size=6)


@given(st.one_of(st.text(max_size=60), CRON_LIKE, FIVE.map(" ".join)), st.one_of(st.just("UTC"), st.text(max_size=20)))
@example("0 0 * * 7L", "UTC")
@example("ß * * * *", "Europe/Paris")
@example("\ud800", "\ud800")
@example("0 0 1-7/2#3 * *", "UTC")
def test_malformed_text_never_raises_anything_else(expression: str, zone: str) -> None:
    made = trigger_or_refusal(expression, zone)
    if isinstance(made, CronTrigger):
        assert made.after(datetime(2026, 1, 1, tzinfo=UTC)) is not None
    else:
        assert "; " in str(made) or " is outside " in str(made)


def trigger_or_refusal(expression: str, zone: str) -> CronTrigger | InvalidCron | UnknownTimezone:
    try:
        return CronTrigger(expression, zone, seed="nightly")
    except (InvalidCron, UnknownTimezone) as error:
        return error
