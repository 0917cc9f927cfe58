"""Jobs to be looked at: one by its id, or pages of those that fit, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from nuvom._ids import is_uuid, raw
from nuvom._job import Attempt, Job, JobState, JobStatus
from nuvom.stores import rows
from nuvom.stores.redis.bodies import read_job
from nuvom.stores.redis.database import Database
from nuvom.stores.values import JobFilter

_LOOKS = 1_000  # jobs that one script looks at: some milliseconds
_TAKES = 200  # jobs that one answer holds
_WORKERS = 100  # whose running jobs one answer holds


def get(database: Database, job_id: str) -> Job | None:
    """Return a job, None for an id that is not (or no longer) there."""
    if not is_uuid(job_id):
        return None
    answer = database.read("get_job", job_id.lower())
    return _read(job_id.lower(), *answer) if answer else None


def attempts(database: Database, job_id: str) -> list[Attempt]:
    """Return the attempts that ended without success, oldest first."""
    if not is_uuid(job_id):
        return []
    return [rows.attempt(orjson.loads(each)) for each in database.read("attempts", job_id.lower())]


def jobs(database: Database, wanted: JobFilter, limit: int, before: str | None) -> list[Job]:
    """Return jobs, newest first; see `JobStore.list`."""
    if limit <= 0 or (wanted.schedule_id is not None and not is_uuid(wanted.schedule_id)):
        return []
    seq = "" if before is None else _seq(database, before)
    fits = orjson.dumps(_fits(wanted))
    if wanted.status is JobStatus.RUNNING and wanted.schedule_id is None:
        pages = _running(database, fits, limit, seq)
    else:
        pages = _indexed(database, _index(wanted), fits, limit, seq)
    return [_read(place[12:].decode(), *found) for page in pages for place, *found in page][:limit]


def _indexed(database: Database, index: str, fits: bytes, limit: int, seq: str) -> Iterator[Sequence[Any]]:
    left = limit
    while left > 0:
        last, found = database.read("list_jobs", index, seq, fits, min(left, _TAKES), _LOOKS)
        yield found
        left -= len(found)
        if not last:
            return
        seq = str(int(last[:12], 16))


def _running(database: Database, fits: bytes, limit: int, seq: str) -> Iterator[Sequence[Any]]:
    """Yield running jobs, few among millions: those of each worker are put in order here."""
    places: list[bytes] = []
    workers = 0
    while True:
        count, found = database.read("running_places", workers, _WORKERS)
        places += found
        workers += count
        if count < _WORKERS:
            break
    end = b"~" if seq == "" else b"%012x" % int(seq)
    ordered = sorted((place for place in set(places) if place[:12] < end), reverse=True)
    for start in range(0, len(ordered), _TAKES):
        asked = orjson.dumps([place.decode() for place in ordered[start : start + _TAKES]])
        page = database.read("list_places", asked, fits)
        yield page
        limit -= len(page)
        if limit <= 0:
            return


def _index(wanted: JobFilter) -> str:
    if wanted.schedule_id is not None:
        return f"runs:{wanted.schedule_id.lower()}"
    return "failed" if wanted.status is JobStatus.FAILED else "jobs"


def _fits(wanted: JobFilter) -> dict[str, Any]:
    """Return what a script is told of a filter; what may be anything is left out."""
    states = {state.value: True for state in JobState if state.status is wanted.status}
    said = {"states": states or None, "task": wanted.task, "queue": wanted.queue}
    return {name: value for name, value in said.items() if value is not None}


def _seq(database: Database, before: str) -> str:
    """Return before which number a page begins."""
    if not is_uuid(before):
        return "0"
    identifier = raw(before)
    # The ids that Nuvom makes begin with milliseconds (RFC 9562); what was pushed in that very one may come twice.
    timed = identifier[6] >> 4 in (7, 8)
    created = (int.from_bytes(identifier[:6], "big") + 1) * 1000 - 1 if timed else ""
    found: bytes = database.read("page_start", before.lower(), created)
    return found.decode()


def _read(job_id: str, flat: Sequence[bytes], body: bytes | None, large: Sequence[bytes]) -> Job:
    fields = dict(zip(flat[::2], flat[1::2], strict=True)) | dict(zip(large[::2], large[1::2], strict=True))
    return read_job(job_id, fields, body)
