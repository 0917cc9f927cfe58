"""What services say when nobody configured logging: one line an event, with the id of the job it belongs to."""

from __future__ import annotations

import logging
import sys
import time

from nuvom._current import current_job

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s%(job)s: %(message)s"


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


def show(level: int | str = logging.INFO) -> None:
    """Log to standard error, unless the user's code has configured logging."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_InUtc(_FORMAT))
    handler.addFilter(_JobOfRecord())
    root.addHandler(handler)
    root.setLevel(level)
