"""What a plan makes of policies: trigger × policy × edge; and what a pause or a change keeps from running."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from time import process_time
from typing import Any

import pytest

from nuvom._clock import to_us
from nuvom._ids import occurrence_job_id
from nuvom._schedule import CatchUp, OccurrenceOutcome, Overlap, ScheduleEnvelope, ScheduleState, trigger_of
from nuvom._times import at_next
from nuvom.scheduler.plan import ROW_LIMIT, plan
from nuvom.scheduler.resuming import passed_over, resumed
from nuvom.stores.values import PlanItem
from nuvom.triggers.zones import utc_offset
from tests.scheduler.examples import NOON, at, cron, interval, one_off, seconds

TICK = timedelta(microseconds=1)
EVERY = interval(60)  # 12:00, 12:01, …
BERLIN = "Europe/Berlin"
SPRING = at("2026-03-29")  # 02:00 becomes 03:00 at 01:00 UTC


def planned(envelope: ScheduleEnvelope, now: datetime, *, blocked: bool = False) -> PlanItem:
    [item] = plan([envelope], now, {envelope.id} if blocked else ())
    assert item.quarantine is None
    return item


def told(item: PlanItem) -> list[str]:
    """The rows as `HH:MM[:SS] outcome`, oldest first."""
    return [f"{row.nominal:%H:%M} {row.outcome}" for row in item.occurrences]


def day(text: str) -> datetime:
    return at(f"2026-05-05T{text}")


@pytest.mark.parametrize(
    ("envelope", "fields", "now", "rows", "following"),
    [
        # grace: on time, at its bound, past it, and long gone
        (EVERY, {"grace": seconds(30)}, "12:00:30", ["12:00 dispatched"], "12:01"),
        (EVERY, {"grace": seconds(30)}, "12:00:30.000001", ["12:00 missed"], "12:01"),
        (EVERY, {"grace": seconds(0)}, "12:00", ["12:00 dispatched"], "12:01"),
        (EVERY, {"grace": seconds(30)}, "12:02:10", ["12:00 missed", "12:01 missed", "12:02 dispatched"], "12:03"),
        (EVERY, {"grace": seconds(30)}, "12:02:40", ["12:00 missed", "12:01 missed", "12:02 missed"], "12:03"),
        # what is left by the grace is caught up as the schedule says
        (
            EVERY,
            {"grace": seconds(90), "catch_up": "latest"},
            "12:03:10",
            ["12:00 missed", "12:01 missed", "12:02 coalesced", "12:03 dispatched"],
            "12:04",
        ),
        (
            EVERY,
            {"grace": seconds(90), "catch_up": "first"},
            "12:03:10",
            ["12:00 missed", "12:01 missed", "12:03 coalesced", "12:02 dispatched"],
            "12:04",
        ),
        (
            EVERY,
            {"grace": seconds(90), "catch_up": "all"},
            "12:03:10",
            ["12:00 missed", "12:01 missed", "12:02 dispatched", "12:03 dispatched"],
            "12:04",
        ),
        # skip: its grace replaces the 60 seconds
        (interval(3600), {"grace": seconds(300), "catch_up": "skip"}, "12:04", ["12:00 dispatched"], "13:00"),
        (interval(3600), {"grace": seconds(5), "catch_up": "skip"}, "12:00:06", ["12:00 missed"], "13:00"),
        (EVERY, {"grace": seconds(90), "catch_up": "skip"}, "12:01:10",
         ["12:00 missed", "12:01 dispatched"], "12:02"),
        # bounds: the last one, and one due past the end
        (EVERY, {"ends_at": day("12:01")}, "12:00:10", ["12:00 dispatched"], None),
        (EVERY, {"ends_at": day("12:02")}, "12:05", ["12:00 coalesced", "12:01 dispatched"], None),
        (EVERY, {"starts_at": day("12:03")}, "12:00:10", ["12:00 dispatched"], "12:03"),
        # max_runs counts runs, and ends the schedule with the last of them
        (EVERY, {"max_runs": 2, "run_count": 0}, "12:00", ["12:00 dispatched"], "12:01"),
        (EVERY, {"max_runs": 2, "run_count": 1}, "12:00", ["12:00 dispatched"], None),
        (EVERY, {"max_runs": 5, "run_count": 4}, "12:01", ["12:00 coalesced", "12:01 dispatched"], None),
        (
            EVERY,
            {"max_runs": 5, "run_count": 3, "catch_up": "all"},
            "12:03",
            ["12:02 missed", "12:03 missed", "12:00 dispatched", "12:01 dispatched"],
            None,
        ),
    ],
)  # fmt: skip
def test_the_policies_say_what_runs_and_why_the_rest_does_not(
    envelope: ScheduleEnvelope, fields: dict[str, Any], now: str, rows: list[str], following: str | None
) -> None:
    catch_up = CatchUp(fields.pop("catch_up", "latest"))
    item = planned(replace(envelope, catch_up=catch_up, **fields), day(now))
    assert sorted(told(item)) == sorted(rows)
    assert item.next_run == (None if following is None else day(following))
    assert [row.job_id for row in item.occurrences if row.job_id] == [job.id for job in item.jobs]
    assert all(row.reason for row in item.occurrences if row.outcome != "dispatched"), "every skip has a reason"


def test_a_grace_is_the_expiry_of_the_job() -> None:
    [job] = planned(replace(EVERY, grace=seconds(30)), NOON + seconds(5)).jobs
    assert job.expires_at == NOON + seconds(30)
    [job] = planned(EVERY, NOON).jobs
    assert job.expires_at is None


def test_a_one_off_runs_however_late_unless_a_grace_was_given() -> None:
    assert told(planned(one_off(), NOON + timedelta(days=3650))) == ["12:00 dispatched"]
    late = planned(one_off(grace=seconds(60)), NOON + seconds(61))
    assert told(late) == ["12:00 missed"]
    assert late.next_run is None
    assert late.jobs == ()


# overlap


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE_ONE])
def test_a_run_that_may_not_start_is_skipped_with_its_reason(overlap: Overlap) -> None:
    item = planned(replace(EVERY, overlap=overlap), NOON + seconds(70), blocked=True)
    assert told(item) == ["12:00 coalesced", "12:01 skipped_overlap"]
    assert f"overlap={overlap}" in str(item.occurrences[-1].reason)
    assert item.jobs == ()
    assert item.next_run == NOON + seconds(120)
    assert item.blocked is True


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE_ONE])
def test_a_run_that_may_start_carries_the_key_by_which_others_wait(overlap: Overlap) -> None:
    item = planned(replace(EVERY, overlap=overlap), NOON)
    [job] = item.jobs
    assert (job.key, job.waits, item.blocked) == (f"schedule:{EVERY.id}", True, False)


def test_overlap_allow_asks_nobody() -> None:
    item = planned(EVERY, NOON, blocked=True)
    assert (len(item.jobs), item.jobs[0].key, item.blocked) == (1, None, None)


def test_a_skipped_run_does_not_count_as_one_of_max_runs() -> None:
    last = replace(EVERY, overlap=Overlap.SKIP, max_runs=1)
    assert planned(last, NOON, blocked=True).next_run == NOON + seconds(60)
    assert planned(last, NOON).next_run is None


# jitter

SPREAD = replace(interval(3600), jitter=seconds(600))


def with_jitter(envelope: ScheduleEnvelope) -> ScheduleEnvelope:
    return at_next(envelope, envelope.next_nominal, trigger_of(envelope))


def test_jitter_moves_the_run_and_not_the_nominal_time() -> None:
    envelope = with_jitter(SPREAD)
    assert envelope.next_run is not None
    assert NOON < envelope.next_run < NOON + seconds(600)
    assert plan([envelope], envelope.next_run - TICK) == []
    item = planned(envelope, envelope.next_run)
    [job] = item.jobs
    assert (job.scheduled_for, job.run_at) == (NOON, envelope.next_run)
    assert job.id == occurrence_job_id(envelope.id, to_us(NOON))
    assert item.occurrences[0].lateness == timedelta(0)
    assert item.next_nominal == NOON + seconds(3600)
    assert item.next_run is not None
    assert item.next_run != item.next_nominal


def test_jitter_is_the_same_each_time_and_another_for_each_schedule() -> None:
    assert with_jitter(SPREAD) == with_jitter(SPREAD)
    runs = {with_jitter(replace(interval(3600, name=f"s{n}"), jitter=seconds(600))).next_run for n in range(50)}
    assert len(runs) == 50


def test_jitter_never_reaches_the_next_occurrence() -> None:
    envelope = with_jitter(replace(interval(10), jitter=timedelta(days=1)))
    for _ in range(200):
        assert envelope.next_nominal is not None
        assert envelope.next_run is not None
        assert envelope.next_nominal <= envelope.next_run < envelope.next_nominal + seconds(10)
        item = planned(envelope, envelope.next_run)
        envelope = replace(envelope, next_nominal=item.next_nominal, next_run=item.next_run)


def test_grace_counts_from_the_run_time() -> None:
    envelope = with_jitter(replace(SPREAD, grace=seconds(5)))
    assert envelope.next_run is not None
    assert told(planned(envelope, envelope.next_run + seconds(5))) == ["12:00 dispatched"]
    assert told(planned(envelope, envelope.next_run + seconds(6))) == ["12:00 missed"]
    second = planned(envelope, envelope.next_run).next_run
    assert second is not None
    assert told(planned(envelope, second + seconds(5))) == ["12:00 missed", "13:00 dispatched"]


# clock changes


@pytest.mark.parametrize(
    ("expression", "now", "rows", "following"),
    [
        # 02:30 does not exist: it runs at 03:00 CEST, once
        ("30 2 * * *", "2026-03-29T01:00:05", ["01:00 dispatched"], "2026-03-30T00:30"),
        ("30 2 * * *", "2026-03-29T01:00:31", ["01:00 missed"], "2026-03-30T00:30"),
        # a wildcard job has none in the gap
        ("*/30 2 * * *", "2026-03-30T00:00:05", ["00:00 dispatched"], "2026-03-30T00:30"),
    ],
)
def test_a_grace_at_a_clock_change_counts_from_the_instant_that_runs(
    expression: str, now: str, rows: list[str], following: str
) -> None:
    item = planned(cron(expression, BERLIN, SPRING, grace=seconds(30)), at(now))
    assert told(item) == rows
    assert item.next_run == at(following)


def test_a_row_says_by_which_offset_its_local_time_was_read() -> None:
    before, after = at("2026-03-28T02:00"), at("2026-03-29T02:00")
    rows = planned(cron("0 3 * * *", BERLIN, before, catch_up=CatchUp.ALL), after).occurrences
    assert [row.utc_offset for row in rows] == [utc_offset(BERLIN, row.nominal) for row in rows]
    assert [row.utc_offset for row in rows] == [3600, 7200]
    assert [row.utc_offset for row in planned(EVERY, NOON).occurrences] == [None]


# long downtime


@pytest.mark.parametrize("catch_up", list(CatchUp))
@pytest.mark.parametrize("grace", [None, seconds(30), timedelta(hours=20), timedelta(days=1000)])
def test_ten_years_of_downtime_cost_what_ten_seconds_do(catch_up: CatchUp, grace: timedelta | None) -> None:
    envelope = cron("* * * * *", BERLIN, catch_up=catch_up, grace=grace)
    now = NOON.replace(year=2036)
    began = process_time()
    item = planned(envelope, now)
    assert process_time() - began < 1
    assert sum(row.count for row in item.occurrences) == trigger_of(envelope).count(NOON, now + TICK)
    assert len(item.occurrences) - len(item.jobs) <= ROW_LIMIT
    ranges = [(row.nominal, row.last or row.nominal, row.count) for row in item.occurrences]
    for first, last, count in ranges:
        assert count in (trigger_of(envelope).count(first, last + TICK), 1 if catch_up is CatchUp.FIRST else count)
    assert all(late.last is not None for late in item.occurrences if late.count > 1)


def test_a_thousand_due_schedules_are_planned_soon() -> None:
    envelopes = [cron("*/5 * * * *", BERLIN, name=f"s{n}", grace=seconds(600)) for n in range(1000)]
    plan(envelopes, NOON)  # what is compiled once is not what is measured
    began = process_time()
    assert len(plan(envelopes, NOON)) == 1000
    assert process_time() - began < 1, "a bench says how much less"


# pauses, and changes of what is due


def paused(envelope: ScheduleEnvelope, since: datetime, note: str | None = None) -> ScheduleEnvelope:
    return replace(envelope, state=ScheduleState.PAUSED, paused_at=since, note=note)


def test_what_fell_into_a_pause_is_recorded_and_not_run() -> None:
    active, rows = resumed(paused(EVERY, NOON - seconds(5), "release"), NOON + seconds(130))
    assert [f"{row.nominal:%H:%M} {row.outcome}" for row in rows] == ["12:00 paused", "12:01 paused", "12:02 paused"]
    assert {row.reason for row in rows} == {"the schedule was paused: release"}
    assert (active.state, active.note, active.paused_at) == (ScheduleState.ACTIVE, None, None)
    assert active.next_run == active.next_nominal == NOON + seconds(180)


def test_what_was_due_before_the_pause_says_so() -> None:
    _, rows = resumed(paused(EVERY, NOON + seconds(30)), NOON + seconds(70))
    assert [row.reason for row in rows] == [
        "it was due, and not dispatched yet, at the pause",
        "the schedule was paused",
    ]


def test_a_pause_into_which_nothing_fell_moves_nothing() -> None:
    active, rows = resumed(paused(EVERY, NOON - seconds(50)), NOON - TICK)
    assert (rows, active.next_run) == ((), NOON)


def test_a_paused_one_off_whose_time_came_runs_when_it_is_resumed() -> None:
    active, rows = resumed(paused(one_off(), NOON - seconds(50)), NOON + timedelta(days=30))
    assert (rows, active.next_run, active.state) == ((), NOON, ScheduleState.ACTIVE)


def test_a_schedule_whose_bounds_ended_in_its_pause_is_done() -> None:
    active, rows = resumed(paused(replace(EVERY, ends_at=day("12:01")), NOON), NOON + seconds(600))
    assert (active.state, active.next_run, len(rows)) == (ScheduleState.DONE, None, 1)


def test_ten_years_of_pause_are_a_thousand_rows() -> None:
    _, rows = resumed(paused(EVERY, NOON + seconds(600)), NOON.replace(year=2036))
    assert len(rows) == ROW_LIMIT
    assert sum(row.count for row in rows) == trigger_of(EVERY).count(NOON, NOON.replace(year=2036) + TICK)


def test_what_is_due_when_its_schedule_ends_or_changes_has_a_row() -> None:
    rows = passed_over(EVERY, NOON + seconds(70), "it was cancelled")
    assert [row.outcome for row in rows] == [OccurrenceOutcome.MISSED] * 2
    assert rows[0].reason == "it was cancelled before a scheduler dispatched what was due"
    assert passed_over(EVERY, NOON - TICK, "it was cancelled") == ()
    [row] = passed_over(paused(one_off(), NOON - seconds(1)), NOON, "it was cancelled")
    assert row.outcome is OccurrenceOutcome.PAUSED
