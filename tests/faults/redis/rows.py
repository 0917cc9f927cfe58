"""A store on Redis as tables, read by its keys and by no code of the store's own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from tests.stores.redis.consistency import Contents, read

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


def as_tables(url: str) -> sqlite3.Connection:
    """Return what a store has at one moment as tables that have the names and columns of a SQLite store's."""
    contents = read(url)
    database = sqlite3.connect(":memory:")
    database.executescript(TABLES)
    for table, rows in (
        ("jobs", _jobs(contents)),
        ("attempts", _attempts(contents)),
        ("schedules", _schedules(contents)),
        ("fences", _fences(contents)),
        ("occurrences", _occurrences(contents)),
    ):
        for row in rows:
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    return database


def _jobs(contents: Contents) -> Iterator[tuple[Any, ...]]:
    large_ones = contents.named("large")
    for job_id, job in contents.named("job").items():
        large = large_ones.get(job_id, {})
        value, error = (large.get(name, job.get(name)) for name in ("value", "error"))
        yield (
            int(job["seq"]), _raw(job_id), job["state"], *(int(job.get(name, 0)) for name in ("attempt", "errors")),
            _int(job.get("retries")), int(job.get("crashes", 0)), int(job["max_crashes"]), int(job["run_at"]),
            _int(job.get("started_at")), _int(job.get("finished_at")), _raw(job.get("schedule")),
            _int(job.get("scheduled_for")), _bytes(value), _bytes(error),
        )  # fmt: skip


def _attempts(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for name, told in contents.others.items():
        kind, _, job_id = name.partition(":")
        for each in told if kind == "attempts" else ():
            yield int(contents.hashes[f"job:{job_id}"]["seq"]), int(json.loads(each)[0])


def _schedules(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for schedule_id, head in contents.hashes.get("schedule_heads", {}).items():
        generation, state, nominal, run, *_ = head.split(" ")
        said = json.loads(contents.hashes["schedules"][schedule_id])
        own = (said.get(name) for name in ("schedule_type", "at", "anchor", "interval"))
        yield _raw(schedule_id), *own, state, int(generation), _int(nominal), _int(run)


def _fences(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for schedule_id, fence in contents.hashes.get("fences", {}).items():
        ended_at, generation, state, *_ = fence.split(" ")
        yield (
            _raw(schedule_id),
            int(generation),
            state,
            contents.hashes["fence_definitions"][schedule_id],
            _int(ended_at),
        )


def _occurrences(contents: Contents) -> Iterator[tuple[Any, ...]]:
    for key, row in contents.hashes.get("occurrences", {}).items():
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
