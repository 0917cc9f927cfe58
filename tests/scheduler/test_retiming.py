"""Another release of the tz database: next runs move, no local time runs twice, nothing goes missing in silence."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from nuvom._schedule import CatchUp, OccurrenceOutcome, ScheduleEnvelope, ScheduleState
from nuvom.scheduler.zones import AT_ONCE, LOOK, NAMED
from nuvom.stores.base import Store
from nuvom.testing.clock import VirtualClock
from tests.scheduler.doubles import Around
from tests.scheduler.driving import jobs_of, service_of, settle
from tests.scheduler.examples import NOON, at, cron, interval, seconds
from tests.scheduler.releases import HOUR, NEW, NEWEST, OLD, ZONE, Database, kept, offset, read, run_until, told
from tests.scheduler.zone_files import tz_database


def test_a_zone_that_moves_west_runs_later(store: Store, clock: VirtualClock, database: Database) -> None:
    with tz_database(database(OLD, offset(2))):
        schedule = kept(store, "0 16 * * *")
        assert schedule.next_run == at("2026-05-05 14:00")
    with tz_database(database(NEW, offset(1))):
        settle(service_of(store, clock))
        moved = read(store, schedule)
        assert (moved.next_run, moved.next_nominal, moved.tzdata) == (at("2026-05-05 15:00"),) * 2 + (NEW,)
        run_until(store, clock, at("2026-05-06 16:00"))
    assert told(store, schedule) == ["05 15:00 dispatched", "06 15:00 dispatched"]


def test_a_zone_that_moves_east_runs_earlier(store: Store, clock: VirtualClock, database: Database) -> None:
    with tz_database(database(OLD, offset(1))):
        schedule = kept(store, "0 16 * * *")
    with tz_database(database(NEW, offset(2))):
        run_until(store, clock, at("2026-05-06 16:00"))
    assert told(store, schedule) == ["05 14:00 dispatched", "06 14:00 dispatched"]


def test_summer_time_that_ends_two_weeks_earlier_moves_what_lies_between(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    old = [(None, 2 * HOUR), (at("2026-05-26 01:00"), HOUR)]
    new = [(None, 2 * HOUR), (at("2026-05-12 01:00"), HOUR)]
    with tz_database(database(OLD, old)):
        before = kept(store, "0 8 8 * *", "before")
        between = kept(store, "0 8 19 * *", "between")
        after = kept(store, "0 8 30 * *", "after")
    with tz_database(database(NEW, new)):
        settle(service_of(store, clock))
        assert read(store, before) == replace(before, tzdata=NEW)
        assert read(store, after) == replace(after, tzdata=NEW)
        assert (between.next_run, read(store, between).next_run) == (at("2026-05-19 06:00"), at("2026-05-19 07:00"))


def test_a_run_that_lies_in_the_past_by_the_new_rules_is_missed_with_a_reason(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(1))):
        schedule = kept(store, "30 14 * * *")  # 13:30 UTC
    clock.advance(HOUR)
    with tz_database(database(NEW, offset(2))):  # 12:30 UTC, half an hour ago
        settle(service_of(store, clock))
    [row] = store.ledger.occurrences(schedule.id, 10)
    assert (row.nominal, row.outcome) == (at("2026-05-05 12:30"), OccurrenceOutcome.MISSED)
    assert row.reason is not None
    assert OLD in row.reason
    assert NEW in row.reason
    assert row.utc_offset == 7200
    assert read(store, schedule).next_run == at("2026-05-06 12:30")
    assert jobs_of(store) == []


def test_many_runs_that_lie_in_the_past_are_each_accounted_for(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(0))):
        schedule = kept(store, "* 30-59 14 * * *")
    clock.advance(HOUR)
    with tz_database(database(NEW, offset(2))):
        settle(service_of(store, clock))
    rows = store.ledger.occurrences(schedule.id, 10_000)
    assert sum(row.count for row in rows) == 1800
    assert {row.outcome for row in rows} == {OccurrenceOutcome.MISSED}


def test_a_local_time_that_ran_and_comes_again_by_the_new_rules_does_not_run_again(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(2))):
        schedule = kept(store, "0 15 * * *")
        run_until(store, clock, at("2026-05-05 13:10"))
    with tz_database(database(NEW, offset(1))):  # 15:00 comes again at 14:00 UTC
        settle(service_of(store, clock))
        moved = read(store, schedule)
        assert (moved.next_run, moved.times_since) == (at("2026-05-06 14:00"), at("2026-05-05 14:00"))
        run_until(store, clock, at("2026-05-06 15:00"))
    assert told(store, schedule) == ["05 13:00 dispatched", "06 14:00 dispatched"]


def test_only_the_local_times_that_ran_are_held_back(store: Store, clock: VirtualClock, database: Database) -> None:
    with tz_database(database(OLD, offset(2))):
        schedule = kept(store, "0 14-17 * * *")
        run_until(store, clock, at("2026-05-05 13:10"))  # 14:00 and 15:00 ran
    with tz_database(database(NEW, offset(1))):
        run_until(store, clock, at("2026-05-05 20:00"))
    assert told(store, schedule) == [f"05 {hour}:00 dispatched" for hour in (12, 13, 15, 16)]


def test_a_second_release_does_not_bring_back_what_the_first_held_back(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(2))):
        schedule = kept(store, "0 15 * * *")
        run_until(store, clock, at("2026-05-05 13:10"))
    for name, hours in ((NEW, 1), (NEWEST, 0)):
        with tz_database(database(name, offset(hours))):
            settle(service_of(store, clock))
    assert read(store, schedule).next_run == at("2026-05-06 15:00")


def test_a_release_that_is_taken_back_gives_the_runs_of_before(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(NEW, offset(2))):
        schedule = kept(store, "0 15 * * *")
        run_until(store, clock, at("2026-05-05 13:10"))
    with tz_database(database(OLD, offset(1))):
        settle(service_of(store, clock))
        assert read(store, schedule).next_run == at("2026-05-06 14:00")
    with tz_database(database(NEW, offset(2))):
        run_until(store, clock, at("2026-05-06 14:00"))
    assert told(store, schedule) == ["05 13:00 dispatched", "06 13:00 dispatched"]


def test_an_hourly_job_runs_each_hour_across_the_upgrade(store: Store, clock: VirtualClock, database: Database) -> None:
    with tz_database(database(OLD, offset(2))):
        schedule = kept(store, "0 * * * *")
        run_until(store, clock, at("2026-05-05 13:10"))
    with tz_database(database(NEW, offset(1))):
        run_until(store, clock, at("2026-05-05 16:00"))
    assert told(store, schedule) == [f"05 {hour}:00 dispatched" for hour in (12, 13, 14, 15, 16)]


def test_both_copies_of_an_hour_run_although_a_release_came_between_them(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    fold = [(None, 2 * HOUR), (at("2026-05-05 13:00"), HOUR)]
    with tz_database(database(OLD, fold)):
        schedule = kept(store, "30 */1 * * *")
        wildcard = kept(store, "*/30 14 * * *", "wildcard")
        run_until(store, clock, at("2026-05-05 12:50"))
    with tz_database(database(NEW, fold)):
        run_until(store, clock, at("2026-05-05 14:10"))
    assert told(store, wildcard) == [f"05 {time} dispatched" for time in ("12:00", "12:30", "13:00", "13:30")]
    assert told(store, schedule) == [f"05 {time} dispatched" for time in ("12:30", "13:30")]


def test_a_time_that_was_made_up_does_not_run_again_where_the_new_rules_have_no_gap(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, [(None, HOUR), (at("2026-05-05 13:00"), 2 * HOUR)])):
        schedule = kept(store, "30 14 * * *")  # made up at 15:00, which is 13:00 UTC
        run_until(store, clock, at("2026-05-05 13:10"))
    with tz_database(database(NEW, offset(1))):  # 14:30 is 13:30 UTC
        run_until(store, clock, at("2026-05-06 14:00"))
    assert told(store, schedule) == ["05 13:00 dispatched", "06 13:30 dispatched"]


def test_a_time_that_comes_to_lie_in_a_gap_is_made_up(store: Store, clock: VirtualClock, database: Database) -> None:
    with tz_database(database(OLD, offset(1))):
        schedule = kept(store, "30 14 * * *")
    with tz_database(database(NEW, [(None, HOUR), (at("2026-05-05 13:00"), 2 * HOUR)])):
        run_until(store, clock, at("2026-05-05 14:00"))
    assert told(store, schedule) == ["05 13:00 dispatched"]


def test_a_run_that_fell_due_while_nobody_served_is_planned_by_the_new_rules(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(2))):
        later = kept(store, "30 14 * * *", "later")  # 12:30 UTC
        earlier = kept(store, "15 15 * * *", "earlier", catch_up=CatchUp.ALL)  # 13:15 UTC
        kept(store, "30 14 * * *", "ends", ends_at=at("2026-05-05 12:45"))
    clock.advance(timedelta(minutes=80))
    with tz_database(database(NEW, offset(1))):
        settle(service_of(store, clock))
        assert jobs_of(store) == []  # by the new rules none of them is due
        assert read(store, later).next_run == at("2026-05-05 13:30")
        assert read(store, earlier).next_run == at("2026-05-05 14:15")
        assert store.schedules.by_name("ends") is None
    clock.advance(HOUR)
    with tz_database(database(NEWEST, offset(3))):
        settle(service_of(store, clock))
        assert jobs_of(store) == ["earlier 12:15:00"]
        assert told(store, later) == []


def test_a_run_with_jitter_that_is_under_way_stays_as_it_is(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(2))):
        envelope = cron("0 14 * * *", ZONE, NOON, tzdata=OLD, times_since=NOON - HOUR, jitter=HOUR)
        schedule = store.schedules.upsert(replace(envelope, next_run=NOON + seconds(1800))).envelope
        clock.advance(600)
        settle(service_of(store, clock))
    with tz_database(database(NEW, offset(2))):
        settle(service_of(store, clock))
        assert read(store, schedule) == replace(schedule, tzdata=NEW)
        clock.advance(1200)
        settle(service_of(store, clock))
    assert told(store, schedule) == ["05 12:00 dispatched"]


def test_schedules_that_do_not_move_keep_everything_but_the_release(
    store: Store, clock: VirtualClock, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with tz_database(database(OLD, offset(2))):
        utc = kept(store, "0 15 * * *", "utc", zone="UTC")
        grid = store.schedules.upsert(interval(60, NOON + HOUR)).envelope
    with tz_database(database(NEW, offset(1))):
        settle(service_of(store, clock))
    assert read(store, utc) == replace(utc, tzdata=NEW)
    assert read(store, grid) == grid
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_each_move_is_told_and_many_in_one_line(
    store: Store, clock: VirtualClock, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with tz_database(database(OLD, offset(2))):
        for number in range(NAMED + 5):
            kept(store, "0 16 * * *", f"s{number}")
    with tz_database(database(NEW, offset(1))):
        settle(service_of(store, clock))
    moves = [text for text in caplog.messages if " moves from " in text]
    assert len(moves) == NAMED
    expected = "from 2026-05-05 15:00:00+01:00 to 2026-05-05 16:00:00+01:00 (Europe/Berlin): tz database 2030b instead"
    assert expected in moves[0]
    [summary] = [text for text in caplog.messages if " moved; " in text]
    assert f"{NAMED + 5} moved" in summary


def test_a_zone_that_the_new_release_lacks_is_set_aside_and_hides_no_other(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(2))):
        broken = [replace(kept(store, "0 16 * * *", f"b{n}"), timezone_name="Europe/Gone") for n in range(AT_ONCE)]
        for each in broken:
            store.schedules.update(each)
        schedule = kept(store, "0 16 * * *")
    with tz_database(database(NEW, offset(1))):
        settle(service_of(store, clock))
        assert read(store, schedule).next_run == at("2026-05-05 15:00")
        found = read(store, broken[0])
        assert found.state is ScheduleState.QUARANTINED
        assert "Europe/Gone" in (found.note or "")


def test_thousands_of_schedules_are_moved_in_steps_and_what_is_due_goes_on(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    with tz_database(database(OLD, offset(2))):
        one = cron("0 16 * * *", ZONE, NOON, "first", tzdata=OLD, times_since=NOON)
        for number in range(2_000):
            store.schedules.upsert(replace(one, id=f"00000000-0000-4000-8000-{number:012}", name=None))
    with tz_database(database(NEW, offset(1))):
        due = store.schedules.upsert(interval(60)).envelope
        service = service_of(store, clock)
        assert service.step() == 0
        assert len(store.ledger.occurrences(due.id, 10)) == 1  # between the first steps
        steps = 1
        while store.schedules.outdated_zones(NEW, 1):
            assert service.step() == 0
            steps += 1
        assert steps == 2_000 / AT_ONCE
        assert {each.next_run for each in store.schedules.upcoming(2_001)} == {NOON + seconds(60), NOON + 3 * HOUR}


class _Reads:
    """Counts the looks for outdated schedules."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.looks = 0

    def outdated_zones(self, tzdata: str, limit: int) -> list[ScheduleEnvelope]:
        self.looks += 1
        found: list[ScheduleEnvelope] = self._real.outdated_zones(tzdata, limit)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_an_idle_scheduler_looks_once_a_minute(store: Store, clock: VirtualClock) -> None:
    around, reads = Around(store), _Reads(store.schedules)
    around.schedules = cast("Any", reads)
    service = service_of(around, clock)
    for _ in range(1200):
        service.step()
        clock.advance(0.5)
    assert reads.looks == 600 / LOOK


def test_schedulers_with_two_releases_side_by_side_run_no_local_time_twice_and_the_newer_prevails(
    store: Store, clock: VirtualClock, database: Database
) -> None:
    old, new = database(OLD, offset(2)), database(NEW, offset(1))
    with tz_database(old):
        schedules = [kept(store, f"{minute} * * * *", f"m{minute}") for minute in (0, 20, 40)]
        daily = [kept(store, f"0 {hour} * * *", f"h{hour}") for hour in range(15, 24)]
        before = service_of(store, clock)
    with tz_database(new):
        after = service_of(store, clock)
    for turn in range(2 * 24 * 30):
        first, second = ((old, before), (new, after))[:: 1 if turn % 3 else -1]
        for folder, service in (first, second):
            with tz_database(folder):
                settle(service)
        clock.advance(120)
    with tz_database(new):
        settle(after)
        clock.advance(LOOK)
        settle(after)
    assert store.schedules.outdated_zones(NEW, 10) == []
    for schedule in daily:
        rows = store.ledger.occurrences(schedule.id, 100)
        local = [row.nominal + seconds(row.utc_offset or 0) for row in rows if row.job_id]
        assert len(local) == len(set(local)) == 2, schedule.name
    for schedule in schedules:
        assert len(store.ledger.occurrences(schedule.id, 100)) == 48
