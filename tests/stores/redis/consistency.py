"""Whether all keys of a store on Redis tell the same story: what is kept is in its indexes and in no others."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import redis
from nuvom.stores.redis.address import parse

Fields = dict[str, str]
Index = dict[str, float]  # by member; those of a set have 0

FINAL = ("succeeded", "failed", "cancelled", "expired")
OPEN = ("ready", "delayed", "held", "running")
INDEXES = (
    "ready", "heads", "priorities", "suspects", "suspect_queues", "delayed", "running", "asked", "loose", "waiting",
    "waits", "turns", "granted", "unique", "jobs", "failed", "expiring", "runs", "open_runs", "flows", "due",
    "schedule_list", "resting", "zone", "zones", "ledger", "requests", "fences_changed",
)  # fmt: skip


class Contents(NamedTuple):
    """All keys of a store by their names without its prefix."""

    hashes: dict[str, Fields]
    indexes: dict[str, Index]
    others: dict[str, list[str]]

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


# All at one moment, whoever else is at work.
SNAPSHOT = """
local found, at = {}, '0'
local ask = {hash = {'HGETALL'}, zset = {'ZRANGE', 0, -1, 'WITHSCORES'}, set = {'SMEMBERS'}, list = {'LRANGE', 0, -1}}
repeat
  local page = redis.call('SCAN', at, 'MATCH', ARGV[1], 'COUNT', 1000)
  at = page[1]
  for _, key in ipairs(page[2]) do
    local kind = redis.call('TYPE', key).ok
    local command = ask[kind]
    found[#found + 1] = {key, kind, command and redis.call(command[1], key, unpack(command, 2)) or {}}
  end
until at == '0'
return found
"""


def read(url: str) -> Contents:
    """Return what a store has, all at one moment."""
    prefix = parse(url).prefix.decode()
    contents = Contents({}, {}, {})
    bare = urlunsplit(urlsplit(url)._replace(query=""))
    with closing(redis.Redis.from_url(bare, socket_timeout=30)) as client:
        told = client.eval(SNAPSHOT, 0, f"{prefix}*")
    for key, kind, values in told:
        name, *texts = (each.decode(errors="surrogateescape") for each in (key.removeprefix(prefix.encode()), *values))
        pairs = dict(zip(texts[::2], texts[1::2], strict=False))
        match kind:
            case b"hash":
                contents.hashes[name] = pairs
            case b"zset":
                contents.indexes[name] = {member: float(score) for member, score in pairs.items()}
            case b"set":
                contents.indexes[name] = dict.fromkeys(texts, 0.0)
            case _:
                contents.others[name] = texts
    return contents


def _check_indexes(jobs: dict[str, Fields], contents: Contents) -> None:
    expected: defaultdict[str, Index] = defaultdict(dict)
    for job_id, job in jobs.items():
        place = f"{int(job['seq']):012x}{job_id}"
        for key, member, score in [*_of_state(job, place), *_of_all(job, place)]:
            expected[key][member] = score
    for key, member, score in [*_of_schedules(contents.hashes), *_of_the_ledger(contents.hashes)]:
        expected[key][member] = score
    _add_heads(expected, set(contents.hashes.get("paused", ())))
    for flow, row in contents.named("flow").items():
        if "task" in row:
            expected["flows"][f"{row['task']}\0{flow}"] = 0
    found = {key: index for key, index in contents.indexes.items() if key.partition(":")[0] in INDEXES}
    for key in sorted(found | expected):
        assert found.get(key) == expected.get(key), f"{key} does not have what belongs there"


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


def _of_schedules(hashes: dict[str, Fields]) -> Iterator[Place]:
    definitions, names = hashes.get("schedules", {}), hashes.get("names", {})
    named = {}
    for schedule_id, head in hashes.get("schedule_heads", {}).items():
        _, state, _, next_run, _, seq, _, _, zone, _ = head.split(" ", 9)
        name = json.loads(definitions[schedule_id]).get("name")
        if name is not None:
            named[name] = schedule_id
        yield "schedule_list", schedule_id, float(seq)
        if state == "active":
            yield "due", f"{int(seq):012x}{schedule_id}", float(next_run)
        if state == "active" and zone != "-":
            yield f"zone:{zone}", schedule_id, 0
            yield "zones", zone, 0
    assert definitions.keys() == hashes.get("schedule_heads", {}).keys()
    assert names == named
    for schedule_id, fence in hashes.get("fences", {}).items():
        _, generation, state, *_ = fence.split(" ")
        if state != "done":
            yield "fences_changed", schedule_id, float(generation)
    assert hashes.get("fences", {}).keys() == hashes.get("fence_definitions", {}).keys()


def _of_the_ledger(hashes: dict[str, Fields]) -> Iterator[Place]:
    for key in hashes.get("occurrences", {}):
        schedule_id, nominal, source = key[:36], key[37:56], key[57:]
        yield "ledger", key, 0
        if source:
            yield "requests", f"{schedule_id}|{len(source.encode())}|{source}|{nominal}", 0


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
