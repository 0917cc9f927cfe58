"""What a due schedule comes to: a table of trigger × catch_up × how late, and what holds for all of it."""

import json
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import process_time

import pytest
from hypothesis import given, settings, strategies as st

from nuvom._clock import to_us
from nuvom._ids import occurrence_job_id
from nuvom._job import TaskDefaults
from nuvom._schedule import CatchUp, OccurrenceOutcome, Overlap, ScheduleEnvelope, trigger_of
from nuvom._times import at_next
from nuvom.scheduler.due import due_at
from nuvom.scheduler.plan import CATCH_UP_LIMIT, ROW_LIMIT, choose, plan
from nuvom.stores.values import PlanItem
from tests.scheduler.examples import NOON, at, cron, interval, one_off, seconds

TICK = timedelta(microseconds=1)


def planned(envelope: ScheduleEnvelope, now: datetime) -> PlanItem:
    [item] = plan([envelope], now)
    assert item.quarantine is None
    return item


def dispatched(item: PlanItem) -> list[datetime]:
    rows = [each.nominal for each in item.occurrences if each.outcome is OccurrenceOutcome.DISPATCHED]
    assert [job.scheduled_for for job in item.jobs] == rows
    return rows


def dropped(item: PlanItem) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in item.occurrences:
        if each.outcome is not OccurrenceOutcome.DISPATCHED:
            found[each.outcome.value] = found.get(each.outcome.value, 0) + each.count
    return found


L, F, A, S = CatchUp.LATEST, CatchUp.FIRST, CatchUp.ALL, CatchUp.SKIP
EVERY = interval(60)  # 12:00, 12:01, …
MINUTELY = cron("* * * * *")
HOURLY = cron("0 * * * *")


@pytest.mark.parametrize(
    ("envelope", "policy", "now", "runs", "rest", "following"),
    [
        # on time
        (EVERY, L, "2026-05-05T12:00:00.02", ["12:00"], {}, "12:01"),
        (EVERY, F, "2026-05-05T12:00:00.02", ["12:00"], {}, "12:01"),
        (EVERY, A, "2026-05-05T12:00:00.02", ["12:00"], {}, "12:01"),
        (EVERY, S, "2026-05-05T12:00:00.02", ["12:00"], {}, "12:01"),
        (HOURLY, L, "2026-05-05T12:00:00", ["12:00"], {}, "13:00"),
        # late, and nothing else is due
        (HOURLY, L, "2026-05-05T12:59:59", ["12:00"], {}, "13:00"),
        (HOURLY, S, "2026-05-05T12:01:00", ["12:00"], {}, "13:00"),
        (HOURLY, S, "2026-05-05T12:01:00.000001", [], {"missed": 1}, "13:00"),
        # several due together
        (EVERY, L, "2026-05-05T12:03:30", ["12:03"], {"coalesced": 3}, "12:04"),
        (EVERY, F, "2026-05-05T12:03:30", ["12:00"], {"coalesced": 3}, "12:04"),
        (EVERY, A, "2026-05-05T12:03:30", ["12:00", "12:01", "12:02", "12:03"], {}, "12:04"),
        (EVERY, S, "2026-05-05T12:03:30", ["12:03"], {"missed": 3}, "12:04"),
        (MINUTELY, L, "2026-05-05T12:03:00", ["12:03"], {"coalesced": 3}, "12:04"),
        (MINUTELY, F, "2026-05-05T12:03:00", ["12:00"], {"coalesced": 3}, "12:04"),
        (MINUTELY, A, "2026-05-05T12:03:00", ["12:00", "12:01", "12:02", "12:03"], {}, "12:04"),
        (MINUTELY, S, "2026-05-05T12:03:00", ["12:03"], {"missed": 3}, "12:04"),
        (HOURLY, S, "2026-05-05T15:30:00", [], {"missed": 4}, "16:00"),
    ],
)
def test_catch_up_says_which_of_those_due_run(
    envelope: ScheduleEnvelope, policy: CatchUp, now: str, runs: list[str], rest: dict[str, int], following: str
) -> None:
    item = planned(replace(envelope, catch_up=policy), at(now))
    assert dispatched(item) == [at(f"2026-05-05T{time}") for time in runs]
    assert dropped(item) == rest
    assert item.next_nominal == item.next_run == at(f"2026-05-05T{following}")
    assert all(each.reason and f"catch_up={policy}" in each.reason for each in item.occurrences if not each.job_id)


@pytest.mark.parametrize(
    ("expression", "zone", "since", "now", "runs", "following"),
    [
        # spring: 02:00 becomes 03:00; a fixed time in the gap runs right after it, once
        (
            "30 2 * * *",
            "America/New_York",
            "2026-03-08T05:00",
            "2026-03-08T07:00",
            ["2026-03-08T07:00"],
            "2026-03-09T06:30",
        ),
        # a wildcard job has none in the gap
        (
            "*/15 2 * * *",
            "America/New_York",
            "2026-03-07T08:00",
            "2026-03-09T06:01",
            ["2026-03-09T06:00"],
            "2026-03-09T06:15",
        ),
        # autumn: 01:30 comes twice; fixed time the first copy, wildcard both
        (
            "30 1 * * *",
            "America/New_York",
            "2026-11-01T04:00",
            "2026-11-01T08:00",
            ["2026-11-01T05:30"],
            "2026-11-02T06:30",
        ),
        (
            "30 * * * *",
            "America/New_York",
            "2026-11-01T05:00",
            "2026-11-01T06:40",
            ["2026-11-01T05:30", "2026-11-01T06:30"],
            "2026-11-01T07:30",
        ),
    ],
)
def test_clock_changes_neither_double_nor_lose_a_run(
    expression: str, zone: str, since: str, now: str, runs: list[str], following: str
) -> None:
    item = planned(cron(expression, zone, at(since), catch_up=A), at(now))
    assert dispatched(item) == [at(each) for each in runs]
    assert item.next_run == at(following)


@pytest.mark.parametrize("policy", list(CatchUp))
@pytest.mark.parametrize("late", [seconds(0), seconds(61), timedelta(days=3650)])
def test_a_one_off_runs_however_late_and_is_then_gone(policy: CatchUp, late: timedelta) -> None:
    item = planned(one_off(catch_up=policy), NOON + late)
    assert dispatched(item) == [NOON]
    assert dropped(item) == {}
    assert item.next_run is None
    assert item.occurrences[0].lateness == late


def test_what_is_not_due_comes_to_nothing() -> None:
    envelopes = [one_off(), interval(), cron(), replace(cron(), next_run=None)]
    assert plan(envelopes, NOON - TICK) == []


def test_a_job_carries_what_its_schedule_says() -> None:
    options = {"queue": "reports", "priority": 7, "max_crashes": 0, "retries": 3, "store_result": False}
    envelope = cron(options=options, metadata={"team": "x"}, arguments=b"[[1],{}]", defaults=TaskDefaults(queue="slow"))
    [job] = planned(envelope, NOON).jobs
    assert job.id == occurrence_job_id(envelope.id, to_us(NOON))
    assert (job.task, job.arguments, job.defaults) == ("tasks.add", b"[[1],{}]", TaskDefaults(queue="slow"))
    assert (job.queue, job.priority, job.max_crashes) == ("reports", 7, 0)
    assert json.loads(job.options or b"") == {"retries": 3, "store_result": False}
    assert json.loads(job.metadata or b"") == {"team": "x"}
    assert (job.schedule_id, job.schedule_name, job.scheduled_for, job.run_at) == (envelope.id, "cron", NOON, NOON)


def test_a_job_says_nothing_that_its_schedule_did_not_say() -> None:
    [job] = planned(cron(), NOON).jobs
    assert (job.queue, job.priority, job.max_crashes, job.options, job.metadata) == (None,) * 5


def test_lateness_counts_from_the_run_time_and_not_from_the_nominal_time() -> None:
    moved = replace(cron(), next_run=NOON + seconds(10))
    [row] = planned(moved, NOON + seconds(12)).occurrences
    assert (row.nominal, row.lateness) == (NOON, seconds(2))


def test_each_job_of_a_catch_up_is_late_by_its_own_time() -> None:
    rows = planned(interval(60, catch_up=A), NOON + seconds(150)).occurrences
    assert [row.lateness for row in rows] == [seconds(150), seconds(90), seconds(30)]


def test_the_next_run_stays_on_the_grid_however_late_the_dispatch() -> None:
    assert planned(interval(60), NOON + seconds(59.9)).next_run == NOON + seconds(60)


def test_a_recurring_schedule_whose_times_end_is_done() -> None:
    last = interval(3600 * 24 * 365, first=at("9999-06-01"))
    assert planned(last, at("9999-06-02")).next_run is None


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (replace(cron(), cron="61 * * * *"), "61"),
        (replace(cron(), timezone_name="Mars/Olympus"), "Mars/Olympus"),
        (replace(cron(), cron=None), "schedule_type"),
        (replace(interval(), anchor=None), "schedule_type"),
        (replace(interval(), interval=float("nan")), "interval"),
        (cron(metadata={"no": object()}), "JSON"),
    ],
)
def test_a_schedule_that_cannot_be_planned_is_quarantined_and_the_others_go_on(
    broken: ScheduleEnvelope, said: str
) -> None:
    first, bad, last = plan([one_off(), broken, interval()], NOON)
    assert first.jobs
    assert last.jobs
    assert bad.quarantine is not None
    assert said in bad.quarantine
    assert (bad.jobs, bad.occurrences, bad.next_run) == ((), (), None)


def test_h_is_spread_by_name_and_herds_share_everything_else() -> None:
    names = [f"job-{n}" for n in range(50)]
    nexts = {planned(cron("H H * * *", name=name), at("2026-05-06T12:00")).next_run for name in names}
    assert len(nexts) > 40
    assert {planned(cron("0 0 * * THU", name=name), at("2026-05-08")).next_run for name in names} == {at("2026-05-14")}


# long downtime

TENTH = interval(0.1)
SECONDLY = cron("* * * * * *", "Europe/Paris")
LATER = NOON.replace(year=2036)
MANY = {"often": 3_156_192_001, "cron": 315_619_201}  # from noon to noon, both included


@pytest.mark.parametrize("policy", list(CatchUp))
@pytest.mark.parametrize("envelope", [TENTH, SECONDLY], ids=["interval", "cron"])
def test_ten_years_of_downtime_are_accounted_for_in_a_thousand_rows(
    envelope: ScheduleEnvelope, policy: CatchUp
) -> None:
    tracemalloc.start()
    began = process_time()
    item = planned(replace(envelope, catch_up=policy), LATER)
    spent, (_, peak) = process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    rest = item.occurrences[0]
    assert len(dispatched(item)) == (CATCH_UP_LIMIT if policy is A else 1)
    assert len(item.occurrences) - len(item.jobs) == ROW_LIMIT
    assert sum(row.count for row in item.occurrences) == MANY[envelope.name or ""]
    assert rest.nominal == (NOON + (item.occurrences[2].nominal - item.occurrences[1].nominal) if policy is F else NOON)
    assert rest.last is not None
    assert trigger_of(envelope).after(rest.last) == item.occurrences[1].nominal
    assert item.next_run == trigger_of(envelope).after(LATER)
    assert spent < 1
    assert peak < 5_000_000


@pytest.mark.parametrize(("extra", "rows"), [(0, ROW_LIMIT), (1, ROW_LIMIT)])
def test_a_thousand_dropped_have_a_row_each_and_one_more_is_summed_up(extra: int, rows: int) -> None:
    item = planned(interval(60), NOON + seconds(60 * (ROW_LIMIT + extra)))
    kept = [row for row in item.occurrences if not row.job_id]
    assert len(kept) == rows
    assert kept[0].count == 1 + extra
    assert (kept[0].last is None) == (not extra)
    assert sum(row.count for row in kept) == ROW_LIMIT + extra


# what holds for every plan


@given(count=st.integers(1, 400), start=st.integers(0, 399), on_time=st.booleans(), policy=st.sampled_from(CatchUp))
def test_choose_puts_each_in_one_of_two_places(count: int, start: int, on_time: bool, policy: CatchUp) -> None:
    due = due_at(interval(60), NOON + seconds(60 * count - 1))
    since = NOON + seconds(60 * min(start, count - 1))
    choice = choose(due, since, policy, on_time=on_time)
    recorded = [each for rest in choice.dropped for each in due.listed(rest.start, rest.end, 400)[1]]
    assert sorted((*choice.runs, *recorded)) == [each for each in due.newest(400) if each >= since]


EXPRESSIONS = ("* * * * *", "*/7 * * * *", "30 2 * * *", "0 */2 * * *", "15 1-3 * * SUN", "*/20 * * * * *", "0 0 1 * *")
ENVELOPES = st.one_of(
    st.builds(interval, st.sampled_from((0.1, 0.7, 1, 60, 86_400))),
    st.builds(
        cron,
        st.sampled_from(EXPRESSIONS),
        st.sampled_from(("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe")),
        st.sampled_from((at("2026-03-08"), at("2026-03-29"), at("2026-10-03"), at("2026-11-01"), NOON)),
    ),
)


@settings(deadline=None, max_examples=200)
@given(
    envelope=ENVELOPES,
    policy=st.sampled_from(CatchUp),
    grace=st.none() | st.floats(0, 5_000).map(seconds),
    jitter=st.sampled_from((seconds(0), seconds(0.5), seconds(40), seconds(90_000))),
    overlap=st.sampled_from(Overlap),
    waits=st.lists(st.tuples(st.floats(0, 90_000), st.booleans()), min_size=1, max_size=4),
)
def test_rounds_of_planning_lose_and_double_nothing(
    envelope: ScheduleEnvelope,
    policy: CatchUp,
    grace: timedelta | None,
    jitter: timedelta,
    overlap: Overlap,
    waits: Sequence[tuple[float, bool]],
) -> None:
    """Dispatched ∪ recorded == due, over any series of rounds, each as late as it likes and blocked or not."""
    start = envelope.next_nominal
    assert start is not None
    envelope = replace(envelope, catch_up=policy, grace=grace, jitter=jitter, overlap=overlap)
    envelope = at_next(envelope, start, trigger_of(envelope))
    assert start is not None
    now, total, keys = start, 0, list[datetime]()
    for wait, busy in waits:
        now += seconds(wait)
        for item in plan([envelope], now, {envelope.id} if busy else ()):
            assert item.quarantine is None
            rows = item.occurrences
            keys += [row.nominal for row in rows]
            total += sum(row.count for row in rows)
            assert all(row.nominal <= now for row in rows)
            assert item.next_run is None or item.next_run > now
            envelope = replace(envelope, next_nominal=item.next_nominal, next_run=item.next_run)
            assert item.next_run is None or item.next_nominal is None or item.next_run >= item.next_nominal
            assert not (busy and overlap is not Overlap.ALLOW and item.jobs)
    trigger = trigger_of(envelope)
    reached = envelope.next_nominal
    assert reached is not None
    assert total == trigger.count(start, reached)
    assert all(trigger.count(each, each + TICK) == 1 and each < reached for each in keys)
    assert len(set(keys)) == len(keys)
