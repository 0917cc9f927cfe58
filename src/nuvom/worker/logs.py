"""What services say when nobody configured logging: one line an event, as text or JSON, with the job it belongs to."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson

from nuvom._current import CurrentJob, current_job
from nuvom._hooks import AttemptOutcome, Hook
from nuvom._job import Verdict

_TEXT = "%(asctime)s %(levelname)-7s %(name)s%(job)s: %(message)s"
_PASSWORD = re.compile(r"(://[^\s:/@]*):[^\s@]*@")
_FIELDS = "nuvom"  # the attribute of a record with fields for JSON

log: logging.Logger = logging.getLogger("nuvom.jobs")


class _JobOfRecord(logging.Filter):
    """Adds the id of the job that the logging code runs in."""

    def filter(self, record: logging.LogRecord) -> bool:
        job = current_job(None)
        record.job = f" [{job.id}]" if job is not None else ""
        return True


class _InUtc(logging.Formatter):
    """Times as ISO 8601 has them, in UTC: hosts and readers may be in different zones."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record; whatever it holds, there is one."""
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname,
            "logger": record.name,
            "message": _masked(_message(record)),
            "pid": record.process,
            **_of_job(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = _masked(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = _masked(self.formatStack(record.stack_info))
        try:
            return orjson.dumps(line).decode()
        except TypeError:  # lone surrogates
            return json.dumps(line)


def _of_job() -> dict[str, Any]:
    job = current_job(None)
    if job is None:
        return {}
    fields = {"job": job.id, "task": job.task, "queue": job.queue, "attempt": job.attempt}
    schedule = {"schedule": job.schedule_name or job.schedule_id} if job.schedule_id else {}
    return {**fields, **schedule, **({"context": job.context} if job.context else {})}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - arguments that do not fit are no reason to lose a line
        return f"{record.msg} ({type(error).__name__}: {error})"


def _masked(text: str) -> str:
    return _PASSWORD.sub(r"\1:***@", text)


class JobLog(Hook):
    """Logs each attempt: at DEBUG that it begins, at `level` how it ended, and after how long."""

    def __init__(self, level: int) -> None:
        self._level = level

    @contextmanager
    def around_run(self, job: CurrentJob) -> Iterator[None]:
        """Log that the attempt begins."""
        if log.isEnabledFor(logging.DEBUG):
            log.debug("job %s of task %r begins", job.id, job.task, extra={_FIELDS: {"event": "started"}})
        yield

    def on_outcome(self, job: CurrentJob, outcome: AttemptOutcome) -> None:
        """Log how it ended; what an error says is in a line of its own."""
        fields = {"event": outcome.verdict.value, "seconds": round(outcome.seconds, 6)}
        said = (job.id, job.task, _ENDS[outcome.verdict], outcome.seconds)
        log.log(self._level, "job %s of task %r %s after %.3f s", *said, extra={_FIELDS: fields})


_ENDS = {
    Verdict.SUCCEEDED: "succeeded",
    Verdict.FAILED: "failed",
    Verdict.CANCELLED: "was cancelled",
    Verdict.RETRY: "raised an error and is tried again",
    Verdict.DEFER: "asked for a later run",
    Verdict.PUT_BACK: "was put back",
}


def show(level: int = logging.INFO, form: str = "text") -> bool:
    """Log to standard error, unless the user's code has configured logging; returns whether it does.

    Args:
        level: the least important that is said.
        form: `text`, or `json` for one object a line, warnings of Python included.
    """
    root = logging.getLogger()
    if root.handlers:
        if form == "json":
            logging.getLogger("nuvom").warning("log format json has no effect: the tasks' code has configured logging")
        return False
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(_Json())
        logging.captureWarnings(True)
    else:
        handler.setFormatter(_InUtc(_TEXT))
        handler.addFilter(_JobOfRecord())
    root.addHandler(handler)
    root.setLevel(level)
    return True


def job_log(level: int, form: str) -> JobLog | None:
    """Return the hook that logs each attempt: at INFO as JSON, for machines that count; at DEBUG as text."""
    own = logging.INFO if form == "json" else logging.DEBUG
    return JobLog(own) if level <= own else None
