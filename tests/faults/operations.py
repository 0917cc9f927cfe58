"""The operations of a store that change something, each with how to prepare it and how to see what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from nuvom._clock import to_us
from nuvom._ids import occurrence_job_id
from nuvom._job import ClaimedJob, NewJob, Outcome, Progress, Report, TaskDefaults
from nuvom._schedule import ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.values import Claim, Once, TaskRow
from nuvom.testing.conformance.examples import (
    HOUR,
    MINUTE,
    a_job,
    a_worker,
    daily,
    dispatched,
    every,
    failed,
    fresh_id,
    one_off,
    planned,
    retried,
    stored,
    succeeded,
    the,
)
from tests.waiting import until

ONE = TaskDefaults(concurrency=1)


class Trial(NamedTuple):
    """One run of an operation: what a caller does and repeats, and what can be seen of it."""

    act: Callable[[Store], object]
    look: Callable[[Store], object]


def push_one(direct: Store) -> Trial:
    return _pushing(a_job())


def push_many(direct: Store) -> Trial:
    return _pushing(*(a_job() for _ in range(3)))


def push_delayed(direct: Store) -> Trial:
    return _pushing(a_job(run_at=direct.now() + HOUR))


def push_with_key(direct: Store) -> Trial:
    key = fresh_id()
    return _pushing(a_job(key=key), a_job(key=key))


def push_limited(direct: Store) -> Trial:
    task = fresh_id()
    return _pushing(*(a_job(task=task, defaults=ONE) for _ in range(2)))


def push_unique(direct: Store) -> Trial:
    task = fresh_id()
    jobs = [a_job(task=task, unique="done") for _ in range(2)]
    return Trial(
        lambda store: store.jobs.push(jobs),
        lambda store: sorted(str(job and job.state) for job in (store.jobs.get(job.id) for job in jobs)),
    )


def claim(direct: Store) -> Trial:
    return _claiming(direct)


def claim_at_most_once(direct: Store) -> Trial:
    return _claiming(direct, max_crashes=0)


def claim_limited(direct: Store) -> Trial:
    return _claiming(direct, task=fresh_id(), defaults=ONE)


def finish_succeeded(direct: Store) -> Trial:
    return _finishing(direct, succeeded, 3)


def finish_failed(direct: Store) -> Trial:
    return _finishing(direct, failed, 2)


def finish_retried(direct: Store) -> Trial:
    run_at = direct.now() + HOUR
    return _finishing(direct, lambda job: retried(job, run_at), 2)


def finish_with_key(direct: Store) -> Trial:
    key = fresh_id()
    return _finishing(direct, succeeded, 1, key=key, follows=[a_job(key=key)])


def finish_limited(direct: Store) -> Trial:
    task = fresh_id()
    return _finishing(direct, succeeded, 1, task=task, defaults=ONE, follows=[a_job(task=task, defaults=ONE)])


def cancel(direct: Store) -> Trial:
    job = _pushed(direct)
    return Trial(lambda store: store.jobs.cancel(job), lambda store: _states(store, job))


def cancel_running(direct: Store) -> Trial:
    worker, [job] = _taken(direct, 1)
    return Trial(lambda store: store.jobs.cancel(job.id), lambda store: len(store.jobs.asked_to_stop(worker)))


def cancel_many(direct: Store) -> Trial:
    jobs = [_pushed(direct) for _ in range(3)]
    return Trial(lambda store: store.jobs.cancel_many(jobs), lambda store: _states(store, *jobs))


def retry(direct: Store) -> Trial:
    worker, [job] = _taken(direct, 1)
    direct.jobs.finish(worker, [failed(job)])
    return Trial(lambda store: store.jobs.retry(job.id), lambda store: _states(store, job.id))


def promote(direct: Store) -> Trial:
    worker, [job] = _taken(direct, 1)
    direct.jobs.finish(worker, [retried(job, direct.now() - MINUTE)])
    return Trial(lambda store: store.jobs.promote(100), lambda store: _states(store, job.id))


def heartbeat(direct: Store) -> Trial:
    worker = a_worker(direct)
    return Trial(lambda store: store.workers.heartbeat([worker]), lambda store: _alive(store, worker))


def register(direct: Store) -> Trial:
    """Each try has an id of its own, as services do; one that was not needed runs out."""
    return Trial(a_worker, lambda store: None)


def unregister(direct: Store) -> Trial:
    worker, [job] = _taken(direct, 1)
    return Trial(
        lambda store: store.workers.unregister(worker), lambda store: (_alive(store, worker), _states(store, job.id))
    )


def release(direct: Store) -> Trial:
    worker, jobs = _taken(direct, 2)
    return Trial(
        lambda store: store.workers.release(worker, "gone"),
        lambda store: (_alive(store, worker), _states(store, *(job.id for job in jobs))),
    )


def remember_tasks(direct: Store) -> Trial:
    name = fresh_id()
    row = TaskRow(name=name, canonical=name, defaults=ONE, signature="()")
    return Trial(lambda store: store.workers.remember_tasks([row]), lambda store: row in store.workers.tasks())


def report(direct: Store) -> Trial:
    worker, [job] = _taken(direct, 1)
    said = Report(job.ref, job.attempt, Progress(1, 2, None, direct.now()))
    return Trial(lambda store: store.jobs.report(worker, [said]), lambda store: the(store, job.id).progress is not None)


def pause_queue(direct: Store) -> Trial:
    job = a_job(queue=fresh_id())
    direct.jobs.push([job])
    return Trial(
        lambda store: store.jobs.pause_queue(job.queue or "", None), lambda store: _paused(store, job.queue or "")
    )


def resume_queue(direct: Store) -> Trial:
    queue = fresh_id()
    direct.jobs.pause_queue(queue, None)
    return Trial(lambda store: store.jobs.resume_queue(queue), lambda store: _paused(store, queue))


def schedule(direct: Store) -> Trial:
    now = direct.now()
    wanted = every(60, now + HOUR, name=fresh_id())
    return Trial(lambda store: store.schedules.upsert(wanted), lambda store: _schedule(store, wanted.id, now))


def schedule_again(direct: Store) -> Trial:
    now = direct.now()
    first = stored(direct, every(60, now + HOUR, name=fresh_id()))
    wanted = daily(now + 2 * HOUR, id=first.id, name=first.name)
    return Trial(lambda store: store.schedules.upsert(wanted), lambda store: _schedule(store, first.id, now))


def update(direct: Store) -> Trial:
    now = direct.now()
    first = stored(direct, every(60, now + HOUR))
    paused = replace(first, state=ScheduleState.PAUSED, note="holidays")
    return Trial(lambda store: store.schedules.update(paused), lambda store: _schedule(store, first.id, now))


def cancel_schedule(direct: Store) -> Trial:
    now = direct.now()
    first = stored(direct, every(60, now + HOUR))
    return Trial(lambda store: store.schedules.cancel(first.id), lambda store: _schedule(store, first.id, now))


def dispatch(direct: Store) -> Trial:
    now = direct.now()
    often, once = stored(direct, every(60, now - MINUTE)), stored(direct, one_off(now - MINUTE))
    items = [planned(often, now), planned(once, None)]

    def applied(store: Store) -> bool:
        store.schedules.apply(items)
        left = {each.id: each.next_run for each in direct.schedules.due(now, 100)}
        return not any(left.get(each.id) == each.next_run for each in (often, once))

    return Trial(
        # Again, as schedulers do, where a session that was cut holds a schedule until its server notices.
        lambda store: until(lambda: applied(store)),
        lambda store: [(_schedule(store, each.id, now), _runs(store, each.id, now)) for each in (often, once)],
    )


def deliver(direct: Store) -> Trial:
    now = direct.now()
    envelope = every(60, now - MINUTE, generation=1)
    direct.ledger.raise_fence(envelope, None)
    item = planned(envelope, now)
    return Trial(lambda store: store.ledger.deliver([item]), lambda store: _runs(store, envelope.id, now))


def request(direct: Store) -> Trial:
    now, source = direct.now(), "manual:now"
    envelope = stored(direct, every(60, now + HOUR))
    row = dispatched(envelope, now, source=source)
    item = planned(envelope, None, row._replace(job_id=occurrence_job_id(envelope.id, to_us(now), source)))
    return Trial(lambda store: store.ledger.request(item, Once.REQUEST), lambda store: _runs(store, envelope.id, now))


def raise_fence(direct: Store) -> Trial:
    envelope = every(60, direct.now() + HOUR, generation=1)
    return Trial(
        lambda store: store.ledger.raise_fence(envelope, None),
        lambda store: store.ledger.fence(envelope.id) is not None,
    )


OPERATIONS = (
    push_one, push_many, push_delayed, push_with_key, push_limited, push_unique, claim, claim_at_most_once,
    claim_limited, finish_succeeded, finish_failed, finish_retried, finish_with_key, finish_limited, cancel,
    cancel_running, cancel_many, retry, promote, heartbeat, register, unregister, release, remember_tasks, report,
    pause_queue, resume_queue, schedule, schedule_again, update, cancel_schedule, dispatch, deliver, request,
    raise_fence,
)  # fmt: skip


def _pushing(*jobs: NewJob) -> Trial:
    return Trial(lambda store: store.jobs.push(jobs), lambda store: _states(store, *(job.id for job in jobs)))


def _claiming(direct: Store, **said: Any) -> Trial:
    """A claim in doubt ends the worker's id, as the worker does, and another one takes what is put back."""
    queue = fresh_id()
    jobs = [a_job(queue=queue, **said) for _ in range(2)]
    direct.jobs.push(jobs)
    workers = [a_worker(direct)]

    def act(store: Store) -> None:
        if len(workers) > 1:
            store.workers.unregister(workers[-2])
        worker = workers[-1]
        workers.append(a_worker(direct))
        taken = store.jobs.claim(Claim(worker, 10, (queue,)))
        assert [job.id for job in taken] == [job.id for job in jobs if the(direct, job.id).worker == worker]

    return Trial(act, lambda store: _states(store, *(job.id for job in jobs)))


def _finishing(
    direct: Store,
    ending: Callable[[ClaimedJob], Outcome],
    count: int,
    *,
    follows: list[NewJob] | None = None,
    **said: Any,
) -> Trial:
    worker, taken = _taken(direct, count, **said)
    waiting = follows or []
    if waiting:
        direct.jobs.push(waiting)
    queue = taken[0].queue

    def look(store: Store) -> object:
        ended = [each[1:] for each in store.jobs.throughput() if each.queue == queue]
        return _states(store, *(job.id for job in [*taken, *waiting])), ended

    return Trial(lambda store: store.jobs.finish(worker, [ending(job) for job in taken]), look)


def _taken(direct: Store, count: int, **said: Any) -> tuple[str, list[ClaimedJob]]:
    worker, queue = a_worker(direct), fresh_id()
    direct.jobs.push([a_job(queue=queue, **said) for _ in range(count)])
    return worker, direct.jobs.claim(Claim(worker, count, (queue,)))


def _pushed(direct: Store) -> str:
    job = a_job()
    direct.jobs.push([job])
    return job.id


def _states(store: Store, *job_ids: str) -> list[object]:
    """What is known of jobs, their errors and their history, and not how often they were claimed."""
    found = [(job_id, store.jobs.get(job_id)) for job_id in job_ids]
    return [
        job and (job.state, job.errors, job.crashes, job.suspect, len(store.jobs.attempts(job_id)))
        for job_id, job in found
    ]


def _alive(store: Store, worker: str) -> bool:
    return any(each.id == worker and each.alive for each in store.workers.list())


def _paused(store: Store, queue: str) -> bool:
    return any(each.queue == queue and each.pause is not None for each in store.jobs.queues())


def _schedule(store: Store, schedule_id: str, now: datetime) -> object:
    """What is known of a schedule, its times as seen from `now`."""
    envelope = store.schedules.get(schedule_id)
    if envelope is None:
        fence = store.ledger.fence(schedule_id)
        return fence and fence.envelope.state
    return envelope.schedule_type, envelope.state, envelope.next_run and envelope.next_run - now


def _runs(store: Store, schedule_id: str, now: datetime) -> list[object]:
    """What is known of a schedule's occurrences, their times as seen from `now`."""
    rows = store.ledger.occurrences(schedule_id, 10)
    return [(row.nominal - now, row.outcome, _states(store, row.job_id or "")) for row in rows]
