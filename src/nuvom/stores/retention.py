"""What of a store's rows is old enough to be forgotten: the rule that every engine's sweep follows. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from nuvom._job import JobStatus
from nuvom._schedule import OccurrenceOutcome
from nuvom.stores.values import Retention

_MICROSECOND = timedelta(microseconds=1)
_OPEN = ("ready", "delayed", "held", "running")
FIRST, LAST = -(2**63), 2**63 - 1  # before and after any time that a store can hold


class Cutoffs(NamedTuple):
    """What ended or was recorded before these instants is old enough; microseconds since 1970."""

    jobs: int
    failed: int
    occurrences: int
    frequent: int
    rows: int
    now: int

    @classmethod
    def of(cls, keep: Retention, now_us: int) -> Cutoffs:
        """Return what `keep` comes to at an instant."""
        return cls(
            jobs=now_us - keep.jobs // _MICROSECOND,
            failed=now_us - keep.failed // _MICROSECOND,
            occurrences=now_us - keep.occurrences // _MICROSECOND,
            frequent=now_us - keep.frequent // _MICROSECOND,
            rows=keep.rows,
            now=now_us,
        )


class OldJob(NamedTuple):
    """A job with what decides about it."""

    seq: int
    state: str
    created_at: int
    finished_at: int | None
    unique_until: int | None

    def cutoff(self, cutoffs: Cutoffs) -> int | None:
        """Return before when it must have ended to go; None where it stays."""
        cutoff = cutoffs.failed if self.state == JobStatus.FAILED else cutoffs.jobs
        if self.finished_at is None or self.finished_at >= cutoff or (self.unique_until or cutoffs.now) > cutoffs.now:
            return None
        return cutoff


class OldOccurrence(NamedTuple):
    """A row of the ledger with what decides about it."""

    schedule_id: bytes
    nominal: int
    source: str
    outcome: str
    recorded_at: int
    job_status: str | None
    ended: bool  # the schedule's life is over
    interval: float | None
    cron: str | None

    def goes(self, cutoffs: Cutoffs) -> bool:
        """Tell whether it is old enough, and its job is not open; a living schedule's newest rows stay all the same."""
        cutoff = cutoffs.frequent if self.frequent and self.unremarkable else cutoffs.occurrences
        return self.recorded_at < cutoff and self.job_status not in _OPEN

    @property
    def frequent(self) -> bool:
        """Whether the schedule runs more often than once a minute: by its interval, or by a cron's field of seconds."""
        if self.interval is not None:
            return self.interval < 60
        fields = (self.cron or "").split()
        return len(fields) == 6 and not fields[0].isdecimal()

    @property
    def unremarkable(self) -> bool:
        """Whether it was dispatched and its job succeeded."""
        return self.outcome == OccurrenceOutcome.DISPATCHED.value and self.job_status == JobStatus.SUCCEEDED.value

    def place_after(self, cutoffs: Cutoffs) -> tuple[bytes, int, str]:
        """Return where to look next: past the rest of this schedule, where all of it is too young."""
        cutoff = max(cutoffs.frequent, cutoffs.occurrences) if self.frequent else cutoffs.occurrences
        # No row is recorded before its nominal time.
        return (self.schedule_id, LAST, "") if self.nominal >= cutoff else (self.schedule_id, self.nominal, self.source)
