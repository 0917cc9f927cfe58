"""What one process holds: jobs that wait or run in it, and outcomes on their way to the store."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import closing

from nuvom._crashpoint import reached
from nuvom._job import ClaimedJob, Holding, JobError, Outcome, Refused, Report, Verdict
from nuvom.errors import StoreError, StoreUnavailable
from nuvom.stores.base import Store
from nuvom.stores.values import MAX_BATCH
from nuvom.worker.hands import Hands
from nuvom.worker.lanes import Done
from nuvom.worker.stopping import Stops

FULL = 300  # outcomes that are flushed without waiting for more
FLUSH = 0.005  # seconds that an outcome waits for others, at most
ASK = 0.5  # seconds between looks for jobs that somebody asked to stop, and between reports
STRAYS = 10.0  # seconds between looks for jobs that the store takes for ours and that are not here
ALL = float("inf")

log: logging.Logger = logging.getLogger("nuvom.worker")


class Holdings:
    """The jobs of one process from claim to outcome; times are monotonic seconds."""

    def __init__(self, store: Store, hands: Hands, stops: Stops, now: float) -> None:
        self._store = store
        self._hands = hands
        self._stops = stops
        self._flushed_at = self._ask_at = now
        self._strays_at = now + STRAYS
        self.jobs: dict[int | str, ClaimedJob] = {}
        self.outcomes: list[Outcome] = []
        self._doubtful = False  # whether outcomes may have been recorded without an answer
        self._met = Flushed()  # by a flush that the store's absence cut short, after its first batches

    def __bool__(self) -> bool:
        return bool(self.jobs or self.outcomes)

    def accept(self, done: Sequence[Done]) -> None:
        """Keep the outcomes of jobs that are still ours; those of a lost lease are forgotten."""
        held = self.jobs
        for outcome, _ in done:
            if held.get(outcome.job.ref) is outcome.job:
                del held[outcome.job.ref]
                self.outcomes.append(outcome)

    def flush(self, worker: str, now: float, *, force: bool = False) -> Flushed:
        """Record outcomes: a full batch, all there will be for now, or what has waited long enough."""
        full = len(self.outcomes) >= FULL or not self.jobs
        if not (force or full or now - self._flushed_at >= FLUSH):
            return Flushed()
        flushed = self._met
        if self.outcomes and self._stops.reports:
            self._report(worker)  # what a job said last must be there before it ends
        while batch := self.outcomes[:MAX_BATCH]:
            reached("worker.flush")
            refused = self._finish(worker, batch)
            reached("worker.flushed")
            flushed.refused += len(refused)
            flushed.failed += _failed(batch, refused)
            del self.outcomes[: len(batch)]  # only now: while the store is away they stay
            self._flushed_at = now
            flushed.later |= any(outcome.run_at is not None for outcome in batch)
        if flushed.refused:
            log.warning("%d outcomes came too late: their jobs had been given to others", flushed.refused)
        self._met = Flushed()
        return flushed

    def put_back(self, claimed_before: float = ALL) -> int:
        """Give back jobs that nobody has begun, free of charge; returns how many."""
        return self._end_unbegun(self._hands.take_back(claimed_before), Verdict.PUT_BACK, None)

    def ask(self, worker: str, now: float, *, woken: bool) -> None:
        """Pass on what others ask of running jobs and what those report, where it is time to."""
        if now >= self._strays_at:
            self._strays_at = now + STRAYS
            self._put_back_strays(worker)
        if not self.jobs or now < (self._ask_at - ASK + 10 * FLUSH if woken else self._ask_at):
            return
        self._ask_at = now + ASK
        if self._stops.reports:
            self._report(worker)
        if wanted := self._store.jobs.asked_to_stop(worker):
            error = JobError("cancelled", "", "it was asked to stop before it began")
            self._end_unbegun(self._hands.ask_to_stop(wanted), Verdict.CANCELLED, error)

    def forget(self) -> None:
        """Drop everything: others have the jobs."""
        self._hands.take_back(ALL)
        self._stops.take_reports()
        self.jobs.clear()
        self.outcomes.clear()

    def next_turn(self, now: float) -> float:
        """Return when there is something to do that nobody announces."""
        if self.outcomes:
            return self._flushed_at + FLUSH if self.jobs else now
        return min(self._ask_at, self._strays_at) if self.jobs else self._strays_at

    def _put_back_strays(self, worker: str) -> None:
        """Give back what the store says we run and we do not: a server that crashed forgets the last outcomes."""
        here = self.jobs.keys() | {outcome.job.ref for outcome in self.outcomes}
        strays = [job for job in self._store.jobs.held_by(worker) if job.ref not in here]
        if strays:
            log.warning("%d jobs are not here that the store says run here: it has lost how they ended", len(strays))
            self.outcomes += map(_strayed, strays)

    def _end_unbegun(self, jobs: Collection[ClaimedJob], verdict: Verdict, error: JobError | None) -> int:
        for job in jobs:
            if self.jobs.pop(job.ref, None) is job:
                self.outcomes.append(Outcome(job, verdict, None, error))
        return len(jobs)

    def _finish(self, worker: str, batch: Sequence[Outcome]) -> Sequence[Refused]:
        try:
            refused = self._store.jobs.finish(worker, batch)
        except StoreUnavailable as error:
            self._doubtful |= error.unknown
            raise
        if self._doubtful:  # then a refusal may only say that the try before was recorded
            recorded = self._recorded(refused)
            refused = [each for each in refused if each.id not in recorded]
        self._doubtful = False
        return refused

    def _recorded(self, refused: Sequence[Refused]) -> Collection[str]:
        """Return which of these jobs have ended, by one look at all of them."""
        with closing(self._store.jobs.ended([each.id for each in refused], 0)) as batches:
            return [job_id for job_id, status in next(batches, {}).items() if status is not None]

    def _report(self, worker: str) -> None:
        taken = self._stops.take_reports()
        try:
            self._store.jobs.report(worker, [Report(r.job.ref, r.job.attempt, p) for r, p in taken.items()])
        except StoreError:
            for running, progress in taken.items():
                self._stops.reports.setdefault(running, progress)
            raise


def _strayed(job: Holding) -> Outcome:
    if job.may_repeat:
        return Outcome(job, Verdict.PUT_BACK)
    message = "the store has lost how it ended, and max_crashes=0 forbids to run it again"
    return Outcome(job, Verdict.FAILED, None, JobError("lost", message=message))


def _failed(batch: Sequence[Outcome], refused: Sequence[Refused]) -> list[Outcome]:
    # Those of a Holding the store gives to somebody to tell, `take_untold`.
    ran = (outcome for outcome in batch if isinstance(outcome.job, ClaimedJob))
    failed = [outcome for outcome in ran if outcome.error is not None and outcome.verdict is Verdict.FAILED]
    return [outcome for outcome in failed if not any(each.id == outcome.job.id for each in refused)]


class Flushed:
    """What a flush met: outcomes that were refused, failures that were not, whether a job comes back later."""

    def __init__(self) -> None:
        self.refused: int = 0
        self.failed: list[Outcome] = []
        self.later: bool = False
