"""Jobs of tasks that this worker does not have: left to others for a while, then failed with what is known here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from difflib import get_close_matches

from nuvom._job import ClaimedJob, JobError, Outcome, Verdict

_LISTED = 50


class UnknownTasks:
    """The names of tasks that were met and are not known here; a claim passes over them until their time is up."""

    def __init__(self, known: Iterable[str], limit: float) -> None:
        self._known = sorted(known)
        self._limit = limit
        self._until: dict[str, float] = {}

    def excluded(self, monotonic: float) -> tuple[str, ...]:
        """Return the names that a claim passes over now."""
        return tuple(name for name, until in self._until.items() if until > monotonic) if self._until else ()

    def meet(self, job: ClaimedJob, monotonic: float, now: datetime, is_live: Callable[[str], bool]) -> Outcome:
        """Say what becomes of a job of an unknown task.

        It fails when it has waited for `limit` seconds, this worker has known of the name for as long, and no live
        worker has the task; else it is put back, and left alone until then.
        """
        until = self._until.get(job.task)
        if until is None or until <= monotonic:
            waited = (now - max(job.created_at, job.run_at)).total_seconds()
            left = self._limit if until is None else self._limit - waited
            if left <= 0 and not is_live(job.task):
                return Outcome(job, Verdict.FAILED, None, JobError("unknown_task", "", self._message(job.task)))
            self._until[job.task] = monotonic + (left if left > 0 else self._limit)
        return Outcome(job, Verdict.PUT_BACK)

    def _message(self, name: str) -> str:
        near = get_close_matches(name, self._known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        more = f" and {len(self._known) - _LISTED} more" if len(self._known) > _LISTED else ""
        known = ", ".join(self._known[:_LISTED]) or "none"
        return f"no live worker has a task {name!r}{hint} Known here: {known}{more}"
