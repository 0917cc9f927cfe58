"""Whether all keys of a store on Redis tell the same story: each job is in the indexes of its state and no others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import redis
from nuvom.stores.redis.address import parse

Fields = dict[str, str]
Index = dict[str, float]  # by member; those of a set have 0

FINAL = ("succeeded", "failed", "cancelled", "expired")
OPEN = ("ready", "delayed", "held", "running")
INDEXES = (
    "ready", "heads", "priorities", "suspects", "suspect_queues", "delayed", "running", "asked", "loose", "waiting",
    "waits", "turns", "granted", "unique", "jobs", "failed", "expiring", "runs", "open_runs", "flows",
)  # fmt: skip


class Contents(NamedTuple):
    """All keys of a store by their names without its prefix."""

    hashes: dict[str, Fields]
    indexes: dict[str, Index]
    others: set[str]

    def named(self, kind: str) -> dict[str, Fields]:
        """Return the hashes of a kind by what follows it."""
        start = f"{kind}:"
        return {key.removeprefix(start): value for key, value in self.hashes.items() if key.startswith(start)}


def check(url: str) -> None:
    """Raise AssertionError naming the first key that says something else than the jobs do."""
    contents = read(url)
    jobs = contents.named("job")
    _check_indexes(jobs, contents)
    _check_counts(jobs, contents)
    _check_flows(jobs, contents)
    for job_id, values in contents.named("large").items():
        assert "has_large" in jobs[job_id], f"large:{job_id} would not be looked at"
        assert {jobs[job_id][name] for name in values} == {""}, f"large:{job_id} has what is in its job, too"
    bodies, attempts = (
        {key.removeprefix(kind) for key in contents.others if key.startswith(kind)} for kind in ("body:", "attempts:")
    )
    assert bodies == set(jobs)
    assert attempts <= set(jobs)


def read(url: str) -> Contents:
    """Return what a store has."""
    prefix = parse(url).prefix.decode()
    contents = Contents({}, {}, set())
    with closing(redis.Redis.from_url(url, decode_responses=True)) as client:
        keys = list(client.scan_iter(match=f"{prefix}*", count=1_000))
        names = [key.removeprefix(prefix) for key in keys]
        asking = client.pipeline(transaction=False)
        for key in keys:
            asking.type(key)
        kinds = asking.execute()
        for key, kind in zip(keys, kinds, strict=True):
            _ask(asking, key, kind)
        for name, kind, value in zip(names, kinds, asking.execute(), strict=True):
            if kind == "hash":
                contents.hashes[name] = value
            elif kind in ("zset", "set"):
                contents.indexes[name] = dict(value) if kind == "zset" else dict.fromkeys(value, 0.0)
            else:
                contents.others.add(name)
    return contents


def _ask(asking: redis.client.Pipeline, key: str, kind: str) -> None:
    match kind:
        case "hash":
            asking.hgetall(key)
        case "zset":
            asking.zrange(key, 0, -1, withscores=True)
        case "set":
            asking.smembers(key)
        case _:
            asking.type(key)


def _check_indexes(jobs: dict[str, Fields], contents: Contents) -> None:
    expected: defaultdict[str, Index] = defaultdict(dict)
    for job_id, job in jobs.items():
        place = f"{int(job['seq']):012x}{job_id}"
        for key, member, score in [*_of_state(job, place), *_of_all(job, place)]:
            expected[key][member] = score
    _add_heads(expected, set(contents.hashes.get("paused", ())))
    for flow, row in contents.named("flow").items():
        if "task" in row:
            expected["flows"][f"{row['task']}\0{flow}"] = 0
    found = {key: index for key, index in contents.indexes.items() if key.partition(":")[0] in INDEXES}
    for key in sorted(found | expected):
        assert found.get(key) == expected.get(key), f"{key} does not have the jobs that belong there"


Place = tuple[str, str, float]  # an index, what is in it, and where


def _of_state(job: Fields, place: str) -> Iterator[Place]:
    state, queue, priority, run_at = job["state"], job["queue"], job["priority"], float(job["run_at"])
    assert (state == "held") == ("waits_for" in job), job
    assert (state == "running") == bool(job.get("worker")), job
    assert (state in FINAL) == ("finished_at" in job), job
    assert state != "expired" or int(job["finished_at"]) >= int(job["expires_at"]), job
    if state == "ready" and "suspect" in job:
        yield f"suspects:{queue}", place, run_at
        yield "suspect_queues", queue, 0
    elif state == "ready":
        yield f"ready:{priority}:{queue}", place, run_at
    elif state == "delayed":
        yield "delayed", place, run_at
    elif state == "running":
        yield f"running:{job['worker']}", place, run_at
        if "cancel_at" in job:
            yield f"asked:{job['worker']}", place, 0
    elif state == "held" and job["waits_for"] == "key":
        yield f"waiting:{job['key']}", place, float(job["seq"])
    elif state == "held":
        yield f"waits:{priority}:{job['flow']}", place, run_at
        yield f"turns:{job['flow']}", priority, -float(priority)
    if state == "ready" and "flow" in job:
        yield f"granted:{job['flow']}", place, 0
    if state == "failed":
        yield "failed", place, float(job["seq"])


def _of_all(job: Fields, place: str) -> Iterator[Place]:
    seq, is_open = float(job["seq"]), job["state"] in OPEN
    yield "jobs", place, seq
    if "key" in job and is_open and job.get("waits_for") != "key":
        yield f"loose:{job['key']}", place, 0
    if "expires_at" in job and is_open and "attempt" not in job:
        yield "expiring", place, float(job["expires_at"])
    if "schedule" in job:
        yield f"runs:{job['schedule']}", place, seq
        if is_open and "backfill" not in job:
            yield f"open_runs:{job['schedule']}", place, seq
    if "unique" in job:
        yield f"unique:all:{job['unique']}", place, float(job["created_at"])
        if is_open:
            yield f"unique:open:{job['unique']}", place, seq
        if is_open and job["state"] != "running":
            yield f"unique:queued:{job['unique']}", place, seq


def _add_heads(expected: defaultdict[str, Index], paused: set[str]) -> None:
    for key, band in list(expected.items()):
        kind, _, rest = key.partition(":")
        if kind == "ready":
            priority, _, queue = rest.partition(":")
            if queue not in paused:
                expected[f"heads:{priority}"][queue] = min(band.values())
                expected["priorities"][priority] = -float(priority)


def _check_counts(jobs: dict[str, Fields], contents: Contents) -> None:
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for job in jobs.values():
        counted["totals" if job["state"] in FINAL else f"queue:{job['queue']}"][job["state"]] += 1
    said = {key: fields for key, fields in contents.hashes.items() if key == "totals" or key.startswith("queue:")}
    for key in counted.keys() | said.keys():
        found = {state: int(number) for state, number in said.get(key, {}).items() if int(number)}
        assert found == dict(counted[key]), f"{key} counts what is not there"
        if found and key != "totals":
            assert key.removeprefix("queue:") in contents.indexes["queues"]


def _check_flows(jobs: dict[str, Fields], contents: Contents) -> None:
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for job in jobs.values():
        if "flow" in job and job["state"] in OPEN:
            counted[job["flow"]]["open"] += 1
            counted[job["flow"]]["running"] += job["state"] == "running"
    rows = contents.named("flow")
    for flow in counted.keys() | rows.keys():
        row = rows.get(flow, {})
        for name in ("open", "running"):
            assert int(row.get(name, 0)) == counted[flow][name], f"flow:{flow} counts {name} jobs that are not there"
    for flow in contents.indexes.get("opening", {}):
        assert f"turns:{flow}" in contents.indexes, f"{flow} opens for nobody"
    assert contents.indexes.get("opening", {}).keys() == contents.indexes.get("shut", {}).keys()
