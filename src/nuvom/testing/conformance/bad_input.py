"""Hostile and broken values: kept exactly or refused whole, never bent, and never fatal to anything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nuvom.errors import NuvomError, StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.values import CancelAnswer, JobFilter, ScheduleFilter
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import (
    SECOND,
    a_job,
    a_worker,
    all_jobs,
    all_schedules,
    claimed,
    daily,
    failed,
    ids,
    pushed,
    running,
    stored,
    succeeded,
    the,
)
from nuvom.testing.conformance.harness import Harness

REFUSALS = (NuvomError, ValueError, TypeError, OverflowError)
TEXTS = {
    "empty": "",
    "unicode": "Zürich — 東京 🎉 \u202e\u0301",
    "quotes": "'; DROP TABLE jobs; -- \" \\ ${x} {0} %s",
    "wildcards": "%_*?[a]",
    "newlines": "a\r\n\tb\x1f\x7f",
    "huge": "x" * 100_000,
    "number": "0012",
    "null": "null",
}
every_text: pytest.MarkDecorator = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())


@every_text
def test_any_text_is_a_queue(store: Store, text: str) -> None:
    other = pushed(store, queue="other")
    job_id = pushed(store, queue=text)
    assert the(store, job_id).queue == text
    assert ids(store.jobs.list(JobFilter(queue=text), 10)) == [job_id]
    assert {stats.queue for stats in store.jobs.queues()} == {text, "other"}
    assert store.jobs.has_ready((text,))
    worker = a_worker(store, queues=(text,))
    assert store.workers.list()[0].queues == (text,)
    [job] = claimed(store, worker, queues=(text,))
    assert (job.id, job.queue) == (job_id, text)
    assert ids(claimed(store, worker)) == [other]


@every_text
def test_any_text_is_a_task_and_a_key(store: Store, text: str) -> None:
    job_id, held = (pushed(store, task=text, key=text) for _ in range(2))
    assert (the(store, job_id).task, the(store, job_id).key) == (text, text)
    assert ids(store.jobs.list(JobFilter(task=text), 10)) == [held, job_id]
    worker = a_worker(store)
    assert not store.jobs.has_ready(None, {text})
    assert claimed(store, worker, excluding=(text,)) == []
    [job] = claimed(store, worker, excluding=("other",))
    store.jobs.finish(worker, [succeeded(job)])
    assert ids(claimed(store, worker)) == [held]


@every_text
def test_any_text_names_a_schedule(store: Store, clock: VirtualClock, text: str) -> None:
    envelope = stored(store, daily(clock.now(), name=text, task=text, note=text))
    stored(store, daily(clock.now(), name="other"))
    assert store.schedules.get(envelope.id) == store.schedules.by_name(text) == envelope
    assert (envelope.name, envelope.task, envelope.note) == (text, text, text)
    assert store.schedules.list(ScheduleFilter(task=text), 10) == [envelope]


@every_text
def test_any_text_is_an_error(store: Store, text: str) -> None:
    worker = a_worker(store)
    job = running(store, worker)
    error = failed(job).error
    assert error is not None
    told = replace(error, type=text, message=text, traceback=text)
    store.jobs.finish(worker, [failed(job, told)])
    assert the(store, job.id).error == told
    assert [attempt.error for attempt in store.jobs.attempts(job.id)] == [told]


@pytest.mark.parametrize("field", ["queue", "task", "key", "schedule_name"])
@pytest.mark.parametrize("text", ["a\x00b", "\ud800"], ids=["nul", "surrogate"])
def test_text_that_an_engine_cannot_carry_is_refused_or_kept_exactly(store: Store, field: str, text: str) -> None:
    job = a_job(**{"queue": "q", field: text})
    try:
        store.jobs.push([a_job(), job])
    except REFUSALS:
        assert all_jobs(store) == []
        return
    worker = a_worker(store)
    queues = (the(store, job.id).queue,)
    [found] = claimed(store, worker, queues=queues)
    assert getattr(found, field) == text
    store.jobs.finish(worker, [succeeded(found)])


@pytest.mark.parametrize(
    "data", [b'"a\\u0000\\ud800"', b' [1.0e0,  {"a":1, "a":2}]\n', b"[" + b'"x",' * 300_000 + b"1]"],
    ids=["escapes", "layout", "huge"],
)  # fmt: skip
def test_any_json_is_kept_as_it_was_written(store: Store, data: bytes) -> None:
    worker = a_worker(store)
    job = running(store, worker, arguments=data)
    assert job.arguments == data
    store.jobs.finish(worker, [succeeded(job, data)])
    assert (the(store, job.id).arguments, the(store, job.id).value) == (data, data)


@pytest.mark.parametrize("data", [b"", b"\x00\xff not JSON"], ids=["empty", "raw"])
def test_bytes_that_are_no_json_are_refused_or_kept_exactly(store: Store, data: bytes) -> None:
    worker = a_worker(store)
    try:
        job = running(store, worker, arguments=data)
    except REFUSALS:
        assert all_jobs(store) == []
        job = running(store, worker)
    else:
        assert job.arguments == data
    try:
        store.jobs.finish(worker, [succeeded(job, data)])
    except REFUSALS:
        assert the(store, job.id).status == "running"
    else:
        assert the(store, job.id).value == data


@pytest.mark.parametrize(
    "broken",
    [
        {"priority": 1001},
        {"priority": -1001},
        {"priority": 2**70},
        {"id": "not an id"},
        {"id": ""},
        {"id": "0" * 31},
        {"run_at": datetime(2026, 1, 1)},  # noqa: DTZ001 naive on purpose
        {"max_crashes": -1},
    ],
    ids=repr,
)
def test_a_broken_job_is_refused_with_its_whole_batch(store: Store, broken: dict[str, Any]) -> None:
    with pytest.raises(REFUSALS):
        store.jobs.push([a_job(), a_job(**broken), a_job()])
    assert all_jobs(store) == []
    assert len(store.jobs.push([a_job()])) == 1


@pytest.mark.parametrize(
    "moment", [datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)], ids=["first", "last"]
)
def test_any_moment_is_kept_to_the_microsecond(store: Store, clock: VirtualClock, moment: datetime) -> None:
    job = the(store, pushed(store, run_at=moment, scheduled_for=moment))
    assert (job.run_at, job.scheduled_for) == (moment, moment)
    assert (job.status, moment > clock.now()) == ("queued", job.state == "delayed")


def test_a_moment_in_another_zone_is_the_same_moment(store: Store, clock: VirtualClock) -> None:
    from datetime import timezone

    at = (clock.now() + SECOND).astimezone(timezone(timedelta(hours=5, minutes=45)))
    job = the(store, pushed(store, run_at=at))
    assert job.run_at == at
    assert job.run_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("nonsense", ["", "nonsense", "'; --", "a\x00b", "x" * 10_000, "٣" * 36])
def test_an_id_that_is_none_is_not_found(store: Store, clock: VirtualClock, nonsense: str) -> None:
    job_id, envelope = pushed(store), stored(store, daily(clock.now()))
    assert store.jobs.get(nonsense) is None
    assert store.jobs.attempts(nonsense) == []
    assert store.jobs.cancel(nonsense) is CancelAnswer.NOT_FOUND
    assert store.jobs.retry(nonsense) is False
    assert store.jobs.wait_final(nonsense, 5) is None
    assert store.schedules.get(nonsense) is None
    assert store.schedules.by_name(nonsense) is None
    assert store.schedules.cancel(nonsense) is False
    store.schedules.reschedule(nonsense, clock.now() + SECOND)
    assert store.ledger.fence(nonsense) is None
    assert store.ledger.occurrences(nonsense, 10) == []
    assert store.ledger.occurrence(nonsense, clock.now()) is None
    assert store.ledger.open_runs(nonsense, 10) == 0
    assert (ids(all_jobs(store)), all_schedules(store)) == ([job_id], [envelope])


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "not an id"},
        {"next_run": None},
        {"cron": None},
        {"interval": 5.0},
        {"next_run": datetime(2026, 1, 1)},  # noqa: DTZ001 naive on purpose
    ],
    ids=repr,
)
def test_a_broken_schedule_is_refused(store: Store, clock: VirtualClock, broken: dict[str, Any]) -> None:
    for store_it in (store.schedules.upsert, store.schedules.enqueue):
        with pytest.raises(REFUSALS):
            store_it(daily(clock.now(), **broken))
    assert all_schedules(store) == []


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    for call in (lambda: store.jobs.push([a_job()]), store.jobs.counts, store.workers.list, store.schedules.next_due):
        with pytest.raises(StoreUnavailable):
            call()


def test_migrating_a_store_that_is_up_to_date_does_nothing(store: Store) -> None:
    job_id = pushed(store)
    assert store.migrate() == []
    assert store.jobs.get(job_id) is not None


def test_a_healthy_store_has_no_problems(store: Store, harness: Harness) -> None:
    health = store.health()
    assert [said for said in health.problems if not any(word in said for word in harness.accepted)] == []
    assert health.schema == health.schema_needed
    assert health.engine
    assert health.version


def test_the_store_has_the_tests_clock(store: Store, clock: VirtualClock) -> None:
    clock.advance(12.5)
    assert store.now() == clock.now()
