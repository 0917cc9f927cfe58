"""What services log while they are simulated: a traceback is a defect, which they survive and a seed does not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from tests.simulation.kernel import Kernel


class _Defects(logging.Handler):
    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._kernel = kernel

    def emit(self, record: logging.LogRecord) -> None:
        if self._kernel.finished:
            return
        if record.exc_info:
            text = logging.Formatter().format(record)
            self._kernel.fail(f"a service met a defect: {record.getMessage()}", text)
        elif self._kernel.trace is not None:
            self._kernel.note(None, f"log: {record.getMessage().splitlines()[0]}")


@contextmanager
def watched_logs(kernel: Kernel) -> Iterator[None]:
    """Read what Nuvom logs, and let nobody else see it."""
    log, handler = logging.getLogger("nuvom"), _Defects(kernel)
    before = log.propagate, log.level
    log.addHandler(handler)
    log.propagate = False
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.propagate, log.level = before
        log.removeHandler(handler)
