"""What must hold in a store on Redis whatever happened: each job is where its state keeps it, and only there.

The keys are read without the store's scripts; what is told of schedules and their runs is read as a caller does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import redis

from nuvom._clock import to_us
from nuvom._schedule import OccurrenceOutcome, ScheduleEnvelope
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import ScheduleFilter

P = "{nuvom}:"
OPEN = ("ready", "delayed", "held", "running")
MANY = 100_000

Fields = dict[str, str]


def check(url: str) -> None:
    """Fail with each rule that the store breaks."""
    found = violations(url)
    assert found == [], "\n".join(found[:20])


def violations(url: str) -> list[str]:
    """Return a line for each thing that breaks a rule."""
    with closing(redis.Redis.from_url(url, decode_responses=True)) as client:
        jobs = _jobs(client)
        found = [line for job_id, job in jobs.items() for line in _of_job(client, job_id, job)]
        found += _indexes(client, jobs)
        found += _counts(client, jobs)
    with closing(open_store(url)) as store:
        for envelope in store.schedules.list(ScheduleFilter(), MANY):
            found += _of_schedule(store, envelope, jobs)
    return found


def settled(url: str) -> bool:
    """Tell whether every job is final and no schedule is due."""
    with closing(redis.Redis.from_url(url, decode_responses=True)) as client:
        is_open = any(job["state"] in OPEN for job in _jobs(client).values())
    with closing(open_store(url)) as store:
        due_in = store.schedules.next_due()
    return not is_open and (due_in is None or due_in > 0)


def _jobs(client: redis.Redis) -> dict[str, Fields]:
    names = [name for name in client.scan_iter(f"{P}job:*", count=1_000) if client.type(name) == "hash"]
    return {name.rpartition(":")[2]: client.hgetall(name) for name in names}


def _place(job_id: str, job: Fields) -> str:
    return f"{int(job['seq']):012x}{job_id}"


def _of_job(client: redis.Redis, job_id: str, job: Fields) -> Iterator[str]:
    state = job.get("state")
    if state not in (*OPEN, "succeeded", "failed", "cancelled", "expired"):
        yield f"{job_id} has the state {state}"
        return
    if not client.exists(f"{P}body:{job_id}"):
        yield f"{job_id} has no body"
    if (state == "running") != bool(job.get("worker")):
        yield f"{job_id} is {state} and has the worker {job.get('worker')}"
    if (state in OPEN) == ("finished_at" in job):
        yield f"{job_id} is {state} and ended at {job.get('finished_at')}"
    if int(job.get("crashes", 0)) > int(job["max_crashes"]):
        yield f"{job_id} crashed {job['crashes']} times"
    if state == "failed" and "error" not in job:
        yield f"{job_id} failed without an error"
    value = job.get("value") if "has_large" not in job else None
    told = json.loads(value) if value else None
    if state == "succeeded" and isinstance(told, dict) and told.get("attempt", job["attempt"]) != int(job["attempt"]):
        yield f"{job_id} has the outcome of attempt {told['attempt']}, and is at {job['attempt']}"
    if "started_at" in job and state in ("running", "succeeded") and int(job["started_at"]) < int(job["run_at"]):
        yield f"{job_id} started before its time"


def _indexes(client: redis.Redis, jobs: dict[str, Fields]) -> Iterator[str]:
    """Compare what the indexes hold with what the jobs say."""
    wanted: dict[str, set[str]] = {}
    for job_id, job in jobs.items():
        place = _place(job_id, job)
        wanted.setdefault("jobs", set()).add(place)
        match job["state"], job.get("waits_for"):
            case "ready", _ if "suspect" in job:
                wanted.setdefault(f"suspects:{job['queue']}", set()).add(place)
            case "ready", _:
                wanted.setdefault(f"ready:{job['priority']}:{job['queue']}", set()).add(place)
            case "delayed", _:
                wanted.setdefault("delayed", set()).add(place)
            case "running", _:
                wanted.setdefault(f"running:{job['worker']}", set()).add(place)
            case "held", "key":
                wanted.setdefault(f"waiting:{job['key']}", set()).add(place)
            case "held", _:
                wanted.setdefault(f"waits:{job['priority']}:{job.get('flow')}", set()).add(place)
            case _:
                pass
    names = {"jobs", "delayed", *wanted}
    for kind in ("ready:*", "suspects:*", "running:*", "waiting:*", "waits:*:*"):
        names |= {name.removeprefix(P) for name in client.scan_iter(P + kind, count=1_000)}
    for name in sorted(names):
        found = set(client.zrange(P + name, 0, -1))
        if found != wanted.get(name, set()):
            yield f"{name} has {sorted(found ^ wanted.get(name, set()))[:3]} too many or too few"


def _counts(client: redis.Redis, jobs: dict[str, Fields]) -> Iterator[str]:
    found: Counter[tuple[str, str]] = Counter()
    for name in client.smembers(f"{P}queues"):
        found.update({(name, state): int(number) for state, number in client.hgetall(f"{P}queue:{name}").items()})
    found.update({("", state): int(number) for state, number in client.hgetall(f"{P}totals").items()})
    wanted = Counter((job["queue"] if job["state"] in OPEN else "", job["state"]) for job in jobs.values())
    wrong = {each for each in {*found, *wanted} if found[each] != wanted[each]}
    for queue, state in sorted(wrong):
        yield f"{found[queue, state]} jobs of {queue!r} are counted as {state}, and {wanted[queue, state]} are"


def _of_schedule(store: Store, envelope: ScheduleEnvelope, jobs: dict[str, Fields]) -> Iterator[str]:
    rows = store.ledger.occurrences(envelope.id, MANY)
    ran = [row for row in rows if row.outcome is OccurrenceOutcome.DISPATCHED]
    for row in ran:
        if row.job_status is None and row.job_id not in jobs:
            yield f"{envelope.id} at {row.nominal} was dispatched and has no job"
        if row.recorded_at is not None and row.recorded_at < row.nominal and not row.source:
            yield f"{envelope.id} at {row.nominal} was dispatched before its time"
    doubled = [job_id for job_id, number in Counter(row.job_id for row in ran).items() if number > 1]
    if doubled:
        yield f"{envelope.id} has one job for two occurrences: {doubled}"
    known = {row.job_id for row in ran}
    for job_id, job in jobs.items():
        if job.get("schedule") == envelope.id and job_id not in known:
            yield f"{job_id} of {envelope.id} has no row"
    if envelope.interval and envelope.next_run and all(row.count == 1 for row in rows):
        yield from _gaps(envelope, sorted(to_us(row.nominal) for row in rows if not row.source))


def _gaps(envelope: ScheduleEnvelope, found: list[int]) -> Iterator[str]:
    """Compare the rows of an interval with its grid, from the first to the last before its next run."""
    if not found or envelope.next_nominal is None or envelope.interval is None:
        return
    step = round(envelope.interval * 1_000_000)
    if found != list(range(found[0], to_us(envelope.next_nominal), step)):
        due = (to_us(envelope.next_nominal) - found[0]) // step
        yield f"{envelope.id}: {len(found)} rows on {due} due times"
