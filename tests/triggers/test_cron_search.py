"""The search: forwards, backwards and in between give one set, at the ends of the calendar too, in bounded time."""

from __future__ import annotations

import random
import struct
import time
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from nuvom.errors import InvalidCron
from nuvom.triggers import CronTrigger
from nuvom.triggers.clock_changes import MARGIN, SAMPLE, stretch_at
from tests.oracle.expressions import random_expression

ZONES = [
    "UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "Antarctica/Troll", "Africa/Casablanca",
    "Pacific/Apia", "Pacific/Kwajalein", "America/Nuuk", "Asia/Gaza", "Europe/London", "Africa/Monrovia",
]  # fmt: skip
START, END = datetime(1900, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - hypothesis takes bounds without a zone
MOMENTS = st.datetimes(START, END, timezones=st.sampled_from(ZONES).map(ZoneInfo))


@st.composite
def triggers(draw: st.DrawFn) -> CronTrigger:
    chance = random.Random(draw(st.integers(0, 2**32)))
    while True:
        try:
            expression = random_expression(chance, seconds=draw(st.booleans()))
            return CronTrigger(expression, draw(st.sampled_from(ZONES)))
        except InvalidCron:  # no such date, 30 February
            continue


@given(triggers(), MOMENTS)
def test_after_and_before_are_strict_and_inverse(trigger: CronTrigger, moment: datetime) -> None:
    later, earlier = trigger.after(moment), trigger.before(moment)
    assert later is not None
    assert earlier is not None
    assert (later - moment) > timedelta(0) < (moment - earlier)
    nothing_between = {trigger.after(earlier), moment.astimezone(UTC)}
    assert later in nothing_between or trigger.after(earlier) == moment
    assert trigger.before(later) in {earlier, moment.astimezone(UTC)}


@given(triggers(), MOMENTS)
def test_between_is_what_after_walks_and_before_walks_back(trigger: CronTrigger, moment: datetime) -> None:
    forwards: list[datetime] = []
    cursor: datetime | None = moment.astimezone(UTC) - timedelta(microseconds=1)
    while cursor is not None and len(forwards) < 20 and (cursor := trigger.after(cursor)) is not None:
        forwards.append(cursor)
    assert all(one < other for one, other in pairwise(forwards))
    end = forwards[-1] + timedelta(microseconds=1)
    assert list(trigger.between(moment, end)) == forwards
    assert list(trigger.between(moment, forwards[-1])) == forwards[:-1]
    back = [forwards[-1]]
    while (earlier := trigger.before(back[-1])) is not None and len(back) < len(forwards):
        back.append(earlier)
    assert back == forwards[::-1]


@given(triggers(), MOMENTS, st.integers(-720, 720))
def test_the_zone_in_which_a_moment_is_given_changes_nothing(
    trigger: CronTrigger, moment: datetime, minutes: int
) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert trigger.after(elsewhere) == trigger.after(moment)
    assert trigger.before(elsewhere) == trigger.before(moment)


def test_an_empty_or_reversed_span_has_no_occurrence() -> None:
    trigger, moment = CronTrigger("* * * * *"), datetime(2026, 1, 1, tzinfo=UTC)
    assert list(trigger.between(moment, moment)) == []
    assert list(trigger.between(moment, moment - timedelta(days=1))) == []
    assert list(trigger.between(moment, moment + timedelta(microseconds=1))) == [moment]
    assert list(trigger.between(moment + timedelta(microseconds=1), moment + timedelta(minutes=1))) == []


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Paris"])
def test_the_search_ends_with_the_calendar(zone: str) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for expression in ("* * * * *", "0 0 29 2 *", "0 0 29 2 */7", "59 59 23 31 12 *"):
        trigger = CronTrigger(expression, zone)
        assert trigger.after(last) is None
        assert trigger.before(first) is None
        newest, oldest = trigger.before(last), trigger.after(first)
        assert newest is not None
        assert oldest is not None
        assert trigger.after(newest) is None
        assert trigger.before(oldest) in {None, first}
        assert newest.year > 9900
        assert oldest.year < 100


@pytest.mark.parametrize("hours", [-14, 12])
def test_a_moment_without_a_utc_form_is_still_a_moment(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    trigger = CronTrigger("0 0 1 1 *")
    assert trigger.after(datetime(9999, 12, 31, 23, 59, tzinfo=zone)) is None
    assert trigger.before(datetime(1, 1, 1, 0, 0, tzinfo=zone)) in {None, datetime(1, 1, 1, tzinfo=UTC)}
    assert trigger.before(datetime(9999, 12, 31, 23, 59, tzinfo=zone)) == datetime(9999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "expression", ["* * * * * *", "0 0 29 2 */7", "0 0 * 2 MON#5", "0 0 31 12 *", "59 59 23 L 2 *"]
)
@pytest.mark.parametrize("year", [2, 1800, 2026, 9990])
def test_a_search_is_bounded_however_rare_or_long_ago(expression: str, year: int) -> None:
    trigger = CronTrigger(expression, "Africa/Casablanca")
    moment = datetime(year, 6, 1, tzinfo=UTC)
    started = time.process_time()
    trigger.after(moment)
    trigger.before(moment)
    assert time.process_time() - started < 0.1


def test_a_busy_expression_gives_a_hundred_thousand_occurrences_a_second() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    occurrences = CronTrigger("*/5 * * * *", "America/New_York").between(start, start + timedelta(days=365))
    started = time.process_time()
    assert len(list(islice(occurrences, 50_000))) == 50_000
    assert time.process_time() - started < 1.5  # thrice the promise: the machine is shared


def _changes_in_tzdata(zone: str) -> list[tuple[int, int]]:
    """Return (first second, offset) of each change of offset that the zone's file lists (RFC 8536, version 2+ data)."""
    data = files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    isut, isstd, leap, times, types, chars = struct.unpack(">6l", data[20:44])
    start = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    *_, times, types, _ = struct.unpack(">6l", data[start + 20 : start + 44])
    start += 44
    seconds = struct.unpack(f">{times}q", data[start : start + 8 * times])
    kinds = data[start + 8 * times : start + 9 * times]
    start += 9 * times
    offsets = [struct.unpack(">l", data[start + 6 * n : start + 6 * n + 4])[0] for n in range(types)]
    every = [(second, offsets[kind]) for second, kind in zip(seconds, kinds, strict=True)]
    return [(second, new) for (_, old), (second, new) in pairwise([(0, offsets[0]), *every]) if new != old]


def _all_zones() -> list[str]:
    return sorted((files("tzdata") / "zones").read_text("ascii").split())


def test_no_zone_changes_twice_within_what_a_sample_or_a_margin_can_tell_apart() -> None:
    gaps = {zone: [b[0] - a[0] for a, b in pairwise(_changes_in_tzdata(zone))] for zone in _all_zones()}
    assert len(gaps) > 500
    assert [zone for zone, between in gaps.items() if min(between, default=SAMPLE * 2) <= SAMPLE] == []
    jumps = [abs(b[1] - a[1]) for zone in gaps for a, b in pairwise(_changes_in_tzdata(zone))]
    assert max(jumps) < MARGIN


def test_every_change_that_tzdata_lists_is_found() -> None:
    missed = []
    for zone in _all_zones():
        with files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as file:
            loaded = ZoneInfo.from_file(file, key=zone)
        changes = _changes_in_tzdata(zone)
        for second, offset in changes[:: max(1, len(changes) // 12)]:
            stretch, before = stretch_at(loaded, second), stretch_at(loaded, second - 1)
            found = (stretch.start, stretch.offset, before.end, stretch.jump)
            if found != (second, offset, second, offset - before.offset):
                missed.append((zone, second, found))
    assert missed == []
