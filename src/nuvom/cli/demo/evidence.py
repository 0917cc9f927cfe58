"""What was promised and what is found afterwards, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from nuvom._job import Job
from nuvom._schedule import Occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One start of a job, and its end, as the tasks' file has them."""

    job: str
    what: str
    nominal: datetime | None
    started: datetime
    attempt: int
    pid: int
    ended: datetime | None = None  # None: not yet, or its process was killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A schedule and the times at which it is due, some of them perhaps after the end of the account."""

    title: str
    schedule_id: str
    due: tuple[datetime, ...]
    newest: bool = False  # of those that fell due together only the newest runs; otherwise each of them
    alone: bool = False  # what comes due while a run is open is skipped, and no two runs overlap


class Gap(NamedTuple):
    """When no scheduler was alive: from the end of the last one to the start of a new one."""

    start: datetime
    end: datetime

    def holds(self, moment: datetime | None) -> bool:
        """Tell whether it fell due with nobody there to dispatch it."""
        return moment is not None and self.start < moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is found afterwards."""

    occurrences: Sequence[Occurrence]  # the ledger
    jobs: Sequence[Job]  # the job table
    runs: Sequence[Run]  # the tasks' file
    until: datetime  # what was due by then must be there; what came due later may be
    gap: Gap
    others: frozenset[str]  # jobs that are accounted for elsewhere
    killed_at: datetime  # when the worker was killed: what it ran has no end of its own
