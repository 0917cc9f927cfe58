"""A thousand expressions and zones that cannot be: each is refused by name, with a remedy, within a second."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from nuvom.errors import InvalidCron, InvalidTrigger, UnknownTimezone
from nuvom.triggers import CronTrigger

FIELDS = ("second", "minute", "hour", "day of month", "month", "day of week")
HIGHEST = {"second": 59, "minute": 59, "hour": 23, "day of month": 31, "month": 12, "day of week": 7}


class Wrong(NamedTuple):
    """An expression of which one field is wrong, and that field's name."""

    expression: str
    part: str


def beyond(highest: int) -> st.SearchStrategy[str]:
    """Items with a number that the field does not have, or a step that moves nowhere or too far."""
    too_high = st.one_of(st.integers(highest + 1, 99), st.integers(10**8, 10**30), st.integers(10**300, 10**301)).map(
        str
    )
    return st.one_of(
        too_high,
        st.tuples(st.integers(1, highest), too_high).map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.sampled_from([highest + 2, 99, 10**6, 2**63, 10**30]).map(
            lambda step: f"*/{step}"
        ),  # the highest may be one less than the values
        st.sampled_from(["*/0", "1/0", "1-2/0", "*/00", f"{highest}-1", "1-99999999", "-1", "+1", "1--2", "1-2-3"]),
    )


# Controls are no separators but the usual four; letters that spell no name, and what other crons know.
JUNK = st.one_of(
    st.sampled_from(
        ["", "?", "#", "*#2", "1#1#1", "1/", "/2", "*/", "*/*", "**", "*1", "1*", "*-*", "1.5", "1e1", "0x1"]
    ),
    st.sampled_from(
        ["\0", "\x01", "\x0b", "\x0c", "\x1b[31m", "\x1c", "\x7f", "1\0", "\0001", "%", "~", "1~5", "1@", "$1"]
    ),
    st.text(st.sampled_from("QXYZqxyz_!&=<>\\'\"`;:[]{}|^"), min_size=1, max_size=50),
    st.integers(1, 200).map(lambda count: "," * count),
    st.integers(1, 100).map(lambda count: "1," * count),
    st.integers(1, 100).map(lambda count: "1" + "-1" * (count + 1)),
)


@st.composite
def wrong(draw: st.DrawFn) -> Wrong:
    """One field is wrong, alone or inside a list, all others may be anything good."""
    names = FIELDS[draw(st.integers(0, 1)) :]
    at = draw(st.integers(0, len(names) - 1))
    item = draw(st.one_of(JUNK, beyond(HIGHEST[names[at]])))
    before, behind = draw(st.sampled_from(["", "1,", "*,", "1-2,3,"])), draw(st.sampled_from(["", ",1", ",*/2"]))
    texts = [draw(st.sampled_from(["*", "1", "*/2", "1-3"]))] * len(names)
    texts[at] = f"{before}{item}{behind}" if before or behind else item or ","
    return Wrong(" ".join(texts), names[at])


def refusal(expression: str, zone: str = "UTC") -> InvalidTrigger:
    started = time.process_time()
    with pytest.raises(InvalidTrigger) as caught:
        CronTrigger(expression, zone)
    str(caught.value)
    assert time.process_time() - started < 1
    return caught.value


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wrong())
def test_a_wrong_field_is_refused_by_its_name(case: Wrong) -> None:
    error = refusal(case.expression)
    assert isinstance(error, InvalidCron)
    assert error.part == case.part
    assert error.position is not None
    assert len(str(error)) < 800
    assert f"in the {case.part} field: " in str(error)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(min_codepoint=0x80, categories=["Nd", "L", "Zs", "Cs", "Cf"]), min_size=1, max_size=20))
def test_what_is_not_ascii_is_shown_where_it_stands(text: str) -> None:
    error = refusal(f"0 9 {text} * *")
    assert isinstance(error, InvalidCron)
    assert error.position == len("0 9 ")
    assert "is no ASCII character" in str(error)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        " \t\r\n" * 200,
        "\0",
        "*",
        "* " * 4,
        "* " * 7,
        "* " * 400,
        "*" * 10_000,
        "9" * 10_000,
        "0," * 5_000,
        f"*/{'9' * 10_000} * * * *",
        "*\x0b*\x0b*\x0b*\x0b*",  # a vertical tab does not separate
        "\ud800\udfff",
        "@",
        "@@daily",
        "@daily @daily",
        "@reboot\0",
    ],
)
def test_what_is_no_expression_is_refused_with_the_shape_of_one_or_its_place(expression: str) -> None:
    error = refusal(expression)
    assert isinstance(error, InvalidCron)
    assert error.field == "cron"
    assert str(error).startswith("cron=")
    assert len(str(error)) < 600


@pytest.mark.parametrize(
    "expression", ["0 0 30 2 *", "0 0 31 2,4,6 *", "0 0 30,31 FEB *", "0 0 31 4 */2", "0 0 0 30 2 *"]
)
def test_a_date_that_never_comes_names_the_day_of_month(expression: str) -> None:
    error = refusal(expression)
    assert isinstance(error, InvalidCron)
    assert error.part == "day of month"
    assert "no date ever matches" in str(error)


ABBREVIATIONS = (
    "EST EDT CST CDT MST MDT PST PDT AKST AKDT HST HDT AST ADT NST NDT ART BRT CLT CLST COT PET WEST CEST MEZ MESZ "
    "EEST BST IST MSK TRT WAT CAT SAST EAT GST PKT ICT WIB PHT SGT HKT JST KST AWST ACST ACDT AEST AEDT NZST NZDT Z "
    "est pSt"
).split()


@pytest.mark.parametrize("name", ABBREVIATIONS)
def test_an_abbreviation_is_refused_with_zones_that_can_be_used(name: str) -> None:
    with pytest.raises(UnknownTimezone) as caught:
        CronTrigger("0 9 * * *", name)
    assert usable(str(caught.value).split(";", 1)[1])


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=30) | st.sampled_from([*ABBREVIATIONS, "Europe/Berlin", "GMT", "UTC"]).map(lambda name: name + "X")
)
def test_an_unknown_zone_is_refused_with_a_zone_that_can_be_used(name: str) -> None:
    try:
        CronTrigger("0 9 * * *", name)
    except UnknownTimezone as error:
        remedy = str(error).split("is not a usable time zone;", 1)[1]
        assert usable(remedy)


def usable(remedy: str) -> list[str]:
    """Return the zones that a remedy names, having used each."""
    zones = re.findall(r"'([^']+)'", remedy)
    return [CronTrigger("0 9 * * *", zone).timezone_name for zone in zones]
