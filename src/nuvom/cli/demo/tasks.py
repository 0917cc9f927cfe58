"""The tasks of the demo: each run appends one line to a file, so that what really ran can be counted afterwards."""

from __future__ import annotations

import json
import os
import time

from nuvom import current_job, task


@task(name="demo.note")
def note(file: str) -> None:
    """Append this run to the file."""
    _append_run(file)


@task(name="demo.slow")
def slow(file: str, seconds: float) -> str:
    """Append this run to the file, then take a while: long enough to be killed in the middle."""
    _append_run(file)
    time.sleep(seconds)
    return "done"


def _append_run(file: str) -> None:
    job = current_job()
    line = {
        "job": job.id,
        "what": job.schedule_name or "slow job",
        "nominal": job.scheduled_for.isoformat() if job.scheduled_for else None,
        "started": time.time(),
        "attempt": job.attempt,
        "pid": os.getpid(),
    }
    # One write() with O_APPEND: lines of several processes never mix, see write(2).
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, json.dumps(line).encode() + b"\n")
    finally:
        os.close(handle)
