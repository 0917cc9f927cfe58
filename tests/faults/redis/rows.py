"""A store on Redis as tables, read by its keys and by no code of the store's own; and what its indexes say wrongly."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit
from uuid import UUID

import redis

OPEN = ("ready", "delayed", "held", "running")
TABLES = """
CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY, id BLOB, state TEXT, attempt INTEGER, errors INTEGER, retries INTEGER, crashes INTEGER,
    max_crashes INTEGER, run_at INTEGER, started_at INTEGER, finished_at INTEGER, schedule_id BLOB,
    scheduled_for INTEGER, value BLOB, error BLOB
);
CREATE TABLE attempts (job INTEGER, attempt INTEGER);
CREATE TABLE schedules (
    id BLOB, schedule_type TEXT, at INTEGER, anchor INTEGER, interval REAL, state TEXT, generation INTEGER,
    next_nominal INTEGER, next_run INTEGER
);
CREATE TABLE fences (schedule_id BLOB, generation INTEGER, state TEXT, definition TEXT, ended_at INTEGER);
CREATE TABLE occurrences (
    schedule_id BLOB, nominal INTEGER, source TEXT, recorded_at INTEGER, outcome TEXT, job_id BLOB, lateness INTEGER,
    last INTEGER, count INTEGER, job_status TEXT, reason TEXT
);
"""
# All at one moment. Sets and sorted sets are told without their scores.
SNAPSHOT = """
local found, at = {}, '0'
repeat
  local page = redis.call('SCAN', at, 'MATCH', KEYS[1] .. '*', 'COUNT', 1000)
  at = page[1]
  for _, key in ipairs(page[2]) do
    local kind = redis.call('TYPE', key).ok
    local value
    if kind == 'hash' then value = redis.call('HGETALL', key)
    elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1)
    elseif kind == 'set' then value = redis.call('SMEMBERS', key)
    elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1)
    else value = {redis.call('GET', key)} end
    found[#found + 1] = {key, kind, value}
  end
until at == '0'
return found
"""
Keys = Mapping[str, Any]


def snapshot(url: str) -> dict[str, Any]:
    """Return everything of a store by its keys without their prefix: hashes as such, all else as lists."""
    parts = urlsplit(url)
    prefix = f"{{{dict(parse_qsl(parts.query)).get('prefix', 'nuvom')}}}:"
    with closing(redis.Redis.from_url(urlunsplit(parts._replace(query="")), socket_timeout=30)) as client:
        told = client.eval(SNAPSHOT, 1, prefix)
    found = {}
    for key, kind, value in told:
        texts = [each.decode(errors="surrogateescape") for each in value]
        name = key[len(prefix) :].decode(errors="surrogateescape")
        found[name] = dict(zip(texts[::2], texts[1::2], strict=True)) if kind == b"hash" else texts
    return found


def as_tables(keys: Keys) -> sqlite3.Connection:
    """Return a snapshot as tables that have the names and columns of a SQLite store's."""
    database = sqlite3.connect(":memory:")
    database.executescript(TABLES)
    for table, rows in (
        ("jobs", _jobs(keys)),
        ("attempts", _attempts(keys)),
        ("schedules", _schedules(keys)),
        ("fences", _fences(keys)),
        ("occurrences", _occurrences(keys)),
    ):
        for row in rows:
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    return database


def wrong_indexes(keys: Keys) -> Iterator[str]:
    """Yield where an index says something else than what it is of."""
    expected, found = _expected(keys), {name: set(value) for name, value in keys.items() if _is_index(name)}
    for name in sorted(expected.keys() | found.keys()):
        missing, wrong = (
            expected.get(name, set()) - found.get(name, set()),
            found.get(name, set()) - expected.get(name, set()),
        )
        if missing or wrong:
            yield f"{name} lacks {sorted(missing)[:3]} and has {sorted(wrong)[:3]} too much"
    for queue, counted in _counted(keys).items():
        said = {state: int(number) for state, number in keys.get(f"queue:{queue}", {}).items() if number != "0"}
        if said != counted:
            yield f"queue:{queue} says {said}, there are {counted}"


_WHOLE = ("jobs", "failed", "delayed", "ledger", "schedule_list", "due", "names", "fences_changed")
_BEGUN = ("running:", "open_runs:", "runs:", "ready:", "zone:")


def _is_index(name: str) -> bool:
    return name in _WHOLE or name.startswith(_BEGUN)


def _expected(keys: Keys) -> dict[str, set[str]]:
    expected: dict[str, set[str]] = {}
    for name, member in (
        *_of_jobs(keys),
        *_of_schedules(keys),
        *(("ledger", key) for key in keys.get("occurrences", {})),
    ):
        expected.setdefault(name, set()).add(member)
    return expected


def _of_jobs(keys: Keys) -> Iterator[tuple[str, str]]:
    for job_id, job in _by_id(keys, "job:"):
        place, state = f"{int(job['seq']):012x}{job_id}", job["state"]
        yield "jobs", place
        if state in {"failed", "delayed"}:
            yield state, place
        if state == "running":
            yield f"running:{job['worker']}", place
        if state == "ready" and "suspect" not in job:
            yield f"ready:{job['priority']}:{job['queue']}", place
        if "schedule" in job:
            yield f"runs:{job['schedule']}", place
            if state in OPEN and "backfill" not in job:
                yield f"open_runs:{job['schedule']}", place


def _of_schedules(keys: Keys) -> Iterator[tuple[str, str]]:
    for schedule_id, fence in keys.get("fences", {}).items():
        if fence.split(" ")[2] != "done":
            yield "fences_changed", schedule_id
    for schedule_id, head in keys.get("schedule_heads", {}).items():
        _, state, _, _, _, seq, _, _, zone, _ = head.split(" ", 9)
        yield "schedule_list", schedule_id
        name = json.loads(keys["schedules"][schedule_id]).get("name")
        if name is not None:
            yield "names", name
        if state == "active":
            yield "due", f"{int(seq):012x}{schedule_id}"
            if zone != "-":
                yield f"zone:{zone}", schedule_id


def _counted(keys: Keys) -> dict[str, dict[str, int]]:
    counted: dict[str, Counter[str]] = {
        name.removeprefix("queue:"): Counter() for name in keys if name.startswith("queue:")
    }
    for _, job in _by_id(keys, "job:"):
        if job["state"] in OPEN:
            counted.setdefault(job["queue"], Counter())[job["state"]] += 1
    return {queue: dict(states) for queue, states in counted.items()}


def _by_id(keys: Keys, begin: str) -> Iterator[tuple[str, Any]]:
    for name, value in keys.items():
        if name.startswith(begin):
            yield name.removeprefix(begin), value


def _jobs(keys: Keys) -> Iterator[tuple[Any, ...]]:
    for job_id, job in _by_id(keys, "job:"):
        large = keys.get(f"large:{job_id}", {})
        value, error = (large.get(name, job.get(name)) for name in ("value", "error"))
        yield (
            int(job["seq"]), _raw(job_id), job["state"], *(int(job.get(name, 0)) for name in ("attempt", "errors")),
            _int(job.get("retries")), int(job.get("crashes", 0)), int(job["max_crashes"]), int(job["run_at"]),
            _int(job.get("started_at")), _int(job.get("finished_at")), _raw(job.get("schedule")),
            _int(job.get("scheduled_for")), _bytes(value), _bytes(error),
        )  # fmt: skip


def _attempts(keys: Keys) -> Iterator[tuple[Any, ...]]:
    for job_id, told in _by_id(keys, "attempts:"):
        for each in told:
            yield int(keys[f"job:{job_id}"]["seq"]), int(json.loads(each)[0])


def _schedules(keys: Keys) -> Iterator[tuple[Any, ...]]:
    for schedule_id, head in keys.get("schedule_heads", {}).items():
        generation, state, nominal, run, *_ = head.split(" ")
        said = json.loads(keys["schedules"][schedule_id])
        own = (said.get(name) for name in ("schedule_type", "at", "anchor", "interval"))
        yield _raw(schedule_id), *own, state, int(generation), _int(nominal), _int(run)


def _fences(keys: Keys) -> Iterator[tuple[Any, ...]]:
    for schedule_id, fence in keys.get("fences", {}).items():
        ended_at, generation, state, *_ = fence.split(" ")
        yield _raw(schedule_id), int(generation), state, keys["fence_definitions"][schedule_id], _int(ended_at)


def _occurrences(keys: Keys) -> Iterator[tuple[Any, ...]]:
    for key, row in keys.get("occurrences", {}).items():
        recorded_at, outcome, job, lateness, last, count, _, status, _, _, reason = row.split(" ", 10)
        schedule_id, nominal, source = key[:36], key[37:56], key[57:]
        assert nominal[0] == "1", "no test goes back before 1970"
        said = None if reason == "-" else reason[1:]
        yield (
            _raw(schedule_id), int(nominal[1:]), source, int(recorded_at), outcome, _raw(_word(job)), _int(lateness),
            _int(last), int(count), _word(status), said,
        )  # fmt: skip


def _word(word: str) -> str | None:
    return None if word == "-" else word


def _int(word: str | None) -> int | None:
    return None if word in {None, "-"} else int(str(word))


def _raw(identifier: str | None) -> bytes | None:
    return None if identifier is None else UUID(identifier).bytes


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else value.encode(errors="surrogateescape")
