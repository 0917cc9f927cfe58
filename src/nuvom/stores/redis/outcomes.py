"""Outcomes: how claimed jobs ended, accepted only from the worker that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from nuvom._clock import to_us
from nuvom._job import Holding, Outcome, Refused, Report, Verdict
from nuvom.stores.redis.database import Argument, Database
from nuvom.stores.rows import write_error, write_progress


def finish(database: Database, worker: str, outcomes: Sequence[Outcome]) -> list[Refused]:
    """Record outcomes of jobs that `worker` holds; see `JobStore.finish`."""
    if not outcomes:
        return []
    said: list[Argument] = []
    for outcome in outcomes:
        job = outcome.job
        said += [job.ref, job.attempt, _told(outcome)]
    refused = database.write("finish", worker, *said)
    left = [outcomes[number - 1] for number in refused]
    return [Refused(outcome.job.id, outcome.job.attempt, worker) for outcome in left]


def _told(outcome: Outcome) -> bytes:
    """Return an outcome as plain_finish.lua takes it."""
    job, verdict, value, error, run_at, retries = outcome
    if verdict is Verdict.SUCCEEDED and error is None:
        return b"-" if value is None else b"+" + value
    told: dict[str, Any] = {"verdict": verdict.value}
    if value is not None:
        told["value"] = value.decode()
    if error is not None:
        told["error"] = write_error(error).decode()
    if verdict is not Verdict.SUCCEEDED:
        told["retries"] = retries
        if run_at is not None:
            told["run_at"] = str(to_us(run_at))
        # Errors are what the task reported; a process that died is none.
        told["reported"] = error is None or error.kind in ("error", "timeout")
        told["untold"] = error is not None and isinstance(job, Holding)
    return orjson.dumps(told)


def report(database: Database, worker: str, reports: Sequence[Report]) -> None:
    """Keep how far running jobs say they are; see `JobStore.report`."""
    if reports:
        said = [(each.ref, each.attempt, write_progress(each.progress).decode()) for each in reports]
        database.write("report", worker, orjson.dumps(said))
