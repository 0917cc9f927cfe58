"""Compares every call to the store with plain models of jobs and schedules, and what the store then shows."""

from __future__ import annotations

import json
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from nuvom._job import ClaimedJob, Job, JobState, NewJob, Outcome, Verdict
from nuvom._schedule import Occurrence, OccurrenceOutcome, Overlap, ScheduleEnvelope, ScheduleState
from nuvom.errors import StoreError
from nuvom.stores.base import Store
from nuvom.stores.values import (
    Claim,
    JobFilter,
    Once,
    Order,
    PassedOver,
    PlanItem,
    Retention,
    ScheduleFilter,
    WorkerInfo,
)
from tests.simulation.faults import READS
from tests.simulation.hands import FEW, FEW_AT_ONCE
from tests.simulation.kernel import SECOND, Gone, Kernel, Process
from tests.simulation.models import Jobs, Schedules, only_forward
from tests.simulation.plans import due_at, expected, grid, run_at
from tests.simulation.telling import told

PAGE = 10_000
OFTEN = 4  # every so many changes all jobs are read: each job's own answers are compared at every call
QUIET = ("maintain", "heartbeat", "register", "remember_tasks")  # calls that touch no job and no schedule


class Watcher:
    """Knows what every call must do; a call that does something else ends the run.

    Args:
        kernel: told of what is wrong.
        store: the one that all processes share, seen from outside.
        lease: seconds.
    """

    def __init__(self, kernel: Kernel, store: Store, lease: float) -> None:
        self.kernel = kernel
        self.store = store
        self.jobs = Jobs(kernel.clock.now(), lease * SECOND, limits={FEW: FEW_AT_ONCE})
        self.schedules = Schedules(kernel.clock.now())
        self.begun: dict[str, list[ScheduleEnvelope]] = {}  # each definition of an id that had times of its own
        self.skipping: dict[str, Overlap] = {}  # by which overlap a job of a plan was dispatched
        self.snapshot: dict[str, Job] = {}
        self.places: dict[tuple[str, int], datetime] = {}  # the latest next run of each generation
        self._unseen = 0
        self.latest = kernel.clock.now()  # what was due once stays so when the wall clock is set back
        self.dispatched = self.stale = 0

    def watch(
        self, process: Process, face: str, method: str, real: Callable[..., Any], args: tuple[Any, ...], kwargs: Any
    ) -> Any:
        """Make a call and compare it; anything wrong is noted and unwinds the caller."""
        self._follow_time()
        try:
            answer = real(*args, **kwargs)
            self.kernel.note(process, told(face, method, args, answer) if self.kernel.trace is not None else "")
            check = getattr(self, f"{face}_{method}", None)
            if check is not None:
                check(process, answer, *args, **kwargs)
            self.jobs.open_flows()
            if method not in READS and method not in QUIET:
                self.compare(face)
        except StoreError as error:
            raise self._broken(f"{face}.{method} failed: {error}") from error
        except (AssertionError, ValueError, ArithmeticError, LookupError, TypeError) as error:
            raise self._broken(f"{process.name}, {face}.{method}: {type(error).__name__}: {error}") from error
        return answer

    def _broken(self, what: str) -> Gone:
        self.kernel.fail(what, traceback.format_exc())
        return Gone()

    def _follow_time(self) -> None:
        clock = self.kernel.clock
        self.jobs.now = self.schedules.now = clock.now()
        self.latest = max(self.latest, self.jobs.now)
        self.jobs.monotonic = int(clock.monotonic() * SECOND)

    def compare(self, face: str) -> None:
        """Hold what the store shows against the models."""
        self._unseen += 1
        if self._unseen % OFTEN == 0:
            self._compare_jobs()
        if face == "schedules":
            self._compare_schedules()

    def store_prune(self, process: Process, answer: Any, keep: Retention) -> None:
        self.jobs.forget_flows()

    # Jobs and leases

    def jobs_push(self, process: Process, answer: Any, jobs: Sequence[NewJob]) -> None:
        for each, job in zip(answer, jobs, strict=True):
            standing = self.jobs.accept(job)
            assert each.new is not bool(standing), "push lied about what is new"
            assert each.id in (standing or {job.id}), "push named a job that does not stand for it"

    def jobs_claim(self, process: Process, taken: list[ClaimedJob], claim: Claim) -> None:
        suspects = claim.order is Order.SUSPECT
        allowed = {j.id for j in self.jobs.claimable(claim.worker, claim.queues, claim.excluding, suspects=suspects)}
        found = {job.id for job in taken}
        assert found <= allowed, f"{_names(found - allowed)} must not be claimed by this worker now"
        assert len(taken) == min(1 if suspects else claim.limit, len(allowed)), "a claim left jobs behind"
        for job in taken:
            model = self.jobs.claimed(job.id, claim.worker)
            assert job.attempt == model.attempt, "attempts must grow by one with each claim"
            assert job.run_at <= self.latest, "a job starts before it is due"

    def jobs_finish(self, process: Process, refused: Any, worker: str, outcomes: Sequence[Outcome]) -> None:
        accepted: list[bool] = []
        for outcome in outcomes:
            model = self.jobs.jobs.get(outcome.job.id)
            seq = model.seq if model else 0
            at = outcome.run_at or self.jobs.now
            job = outcome.job
            accepted.append(self.jobs.finish(worker, job.id, seq, job.attempt, outcome.verdict.value, at))
            if accepted[-1] and outcome.verdict is Verdict.FAILED and outcome.error and outcome.error.kind != "error":
                self.jobs.jobs[job.id].errors -= 1  # its process gave it up: the task reported nothing
        late = Counter((o.job.id, o.job.attempt) for o, taken in zip(outcomes, accepted, strict=True) if not taken)
        told = Counter((each.id, each.attempt) for each in refused)
        assert told == late, f"outcomes refused: {_names(i for i, _ in told)}; to refuse: {_names(i for i, _ in late)}"
        self.stale += len(refused)

    def jobs_promote(self, process: Process, answer: int, limit: int) -> None:
        assert answer == self.jobs.promote(limit), "promote must make due jobs ready, and no others"

    def jobs_cancel(self, process: Process, answer: Any, job_id: str) -> None:
        assert answer == self.jobs.cancel(job_id)

    def jobs_retry(self, process: Process, answer: bool, job_id: str) -> None:
        assert answer is self.jobs.retry(job_id)
        self.snapshot.pop(job_id, None)  # the one thing that a final job may come back by

    def workers_register(self, process: Process, answer: None, worker: WorkerInfo) -> None:
        assert worker.id not in self.jobs.leases, "a worker's id is used twice"
        self.jobs.heartbeat([])
        self.jobs.leases[worker.id] = self.jobs.monotonic + self.jobs.lease

    def workers_unregister(self, process: Process, answer: None, worker_id: str) -> None:
        self.jobs.unregister(worker_id)

    def workers_heartbeat(self, process: Process, dead: frozenset[str], worker_ids: Sequence[str]) -> None:
        assert dead == self.jobs.heartbeat(worker_ids), "a lease that ran out stays so, one that lives is extended"

    def workers_release(self, process: Process, answer: int, worker_id: str, cause: str, **how: bool) -> None:
        assert answer == self.jobs.release(worker_id)

    def workers_rescue(self, process: Process, answer: int) -> None:
        assert answer == self.jobs.rescue(), "rescue frees the jobs of those whose lease ran out, and of nobody else"

    # Schedules and the ledger

    def schedules_upsert(
        self, process: Process, answer: Any, wanted: ScheduleEnvelope, passed: PassedOver | None = None, **how: bool
    ) -> None:
        change, planned = self.schedules.upserted(wanted)
        stored = self.schedules.live.get(wanted.id)
        if change == "replaced" and passed is not None and stored is not None and not planned.same_times(stored):
            change = change if passed.generation == stored.generation else "lost"
        assert answer.change == change, f"an upsert said {answer.change!r}, not {change!r}"
        if change == "replaced":
            self._noted(wanted.id, passed.rows if passed else ())
            self._nothing_vanishes(process, wanted.id, planned)
        if change in {"created", "replaced"}:
            created = self.kernel.clock.now() if change == "created" else planned.created_at
            generation = self.schedules.grown(wanted.id, answer.envelope.generation)
            stored = replace(planned, generation=generation, created_at=created, updated_at=self.kernel.clock.now())
            self._begin(stored)

    def schedules_update(
        self,
        process: Process,
        after: ScheduleEnvelope | None,
        envelope: ScheduleEnvelope,
        rows: Sequence[Occurrence] = (),
    ) -> None:
        stored = self.schedules.live.get(envelope.id)
        fits = stored is not None and stored.generation == envelope.generation
        assert (after is not None) == fits, "an update is applied exactly while its generation is the stored one"
        if after is None or stored is None:
            return
        self._noted(envelope.id, rows)
        self._nothing_vanishes(process, envelope.id, None if envelope.state.ended else envelope)
        generation = self.schedules.grown(envelope.id, after.generation)
        changed = replace(envelope, run_count=stored.run_count, generation=generation)
        self._begin(replace(changed, updated_at=self.kernel.clock.now()))
        if envelope.state.ended:
            self.schedules.end(envelope.id, envelope.state, generation)

    def _noted(self, schedule_id: str, rows: Sequence[Occurrence]) -> None:
        """Record what a change says of occurrences that it keeps from being run."""
        assert all(row.reason and row.job_id is None for row in rows), "a skip has no reason"
        self.schedules.record(rows)

    def _nothing_vanishes(self, process: Process, schedule_id: str, after: ScheduleEnvelope | None) -> None:
        """Hold that what was due has a row when a schedule is about to end or to get other times.

        Due at the time that the caller took for now: a definition holds from then on, however late it arrives.
        """
        stored, called_at = self.schedules.live[schedule_id], process.read_at
        same = after is not None and after.same_times(stored)
        if stored.next_run is None or called_at is None or same:
            return
        for nominal in due_at(stored, called_at)[0]:
            said = (schedule_id, nominal, "") in self.schedules.ledger
            assert said, f"{stored.name or schedule_id}: {nominal} was due, and the change says nothing of it"

    def ledger_request(self, process: Process, answer: Any, item: PlanItem, once: Once) -> None:
        schedule_id = item.envelope.id
        refused = schedule_id in self.schedules.ended
        assert (answer.refusal is not None) == refused, f"a request was answered {answer}, refused: {refused}"
        if not refused:
            self._requested(answer, item, once)
        self._compare_jobs()

    def _requested(self, answer: Any, item: PlanItem, once: Once) -> None:
        new = {row.job_id for row in self.schedules.record(item.occurrences, once)}
        assert answer.jobs == new, f"a request gave {_names(answer.jobs)}, not {_names(map(str, new))}"
        for job in item.jobs:
            if job.id in new:
                assert not self.jobs.accept(job), "a request's job was there before its row"
        self.jobs.open_flows()

    def ledger_blocked(self, process: Process, answer: frozenset[str], asked: dict[str, Overlap]) -> None:
        assert answer == {each for each, overlap in asked.items() if self.jobs.blocked(each, overlap)}

    def schedules_get(self, process: Process, answer: ScheduleEnvelope | None, schedule_id: str) -> None:
        assert answer == self.schedules.live.get(schedule_id), f"schedule {schedule_id} is shown as {answer}"

    def schedules_cancel(self, process: Process, answer: bool, schedule_id: str) -> None:
        assert answer is (schedule_id in self.schedules.live)
        if answer:
            self._nothing_vanishes(process, schedule_id, None)
            self._ended(schedule_id, ScheduleState.CANCELLED)

    def schedules_due(self, process: Process, answer: list[ScheduleEnvelope], now: Any, limit: int) -> None:
        allowed = {envelope.id for envelope in self.schedules.due(now)}
        assert {envelope.id for envelope in answer} <= allowed, "due showed what is not"
        assert len(answer) == min(limit, len(allowed)), "due hides what is due"

    def schedules_apply(self, process: Process, refused: Any, items: Sequence[PlanItem]) -> None:
        reasons = {each.schedule_id: each.reason for each in refused}
        stale = {each.envelope.id for each in items if self._moved_on(each)}
        for item in items:
            schedule_id = item.envelope.id
            wanted = "open_runs" if schedule_id in stale else self.schedules.refuses(item)
            assert reasons.get(schedule_id) == wanted, f"refused: {reasons.get(schedule_id)}, to refuse: {wanted}"
            if wanted is None:
                self._applied(process, item)

    def _moved_on(self, item: PlanItem) -> bool:
        envelope = item.envelope
        return item.blocked is not None and item.blocked != self.jobs.blocked(envelope.id, envelope.overlap)

    def _applied(self, process: Process, item: PlanItem) -> None:
        self._planned_right(process, item)
        new = {row.job_id for row in self.schedules.record(item.occurrences) if row.job_id}
        self.schedules.moved(item, len(new))
        for job in item.jobs:
            if job.id in new:
                assert not self.jobs.accept(job), f"occurrence {job.scheduled_for} had a job before it had a row"
                self.skipping[job.id] = item.envelope.overlap
                self.dispatched += 1
        if item.next_run is None:
            self._ended(item.envelope.id, ScheduleState.DONE)

    def _planned_right(self, process: Process, item: PlanItem) -> None:
        """Hold a plan against one that was worked out anew."""
        assert item.quarantine is None, f"a good schedule is taken out of the running: {item.quarantine}"
        stored = self.schedules.live[item.envelope.id]
        assert process.read_at is not None
        plan = expected(stored, process.read_at, blocked=bool(item.blocked))
        rows = {row.nominal: row for row in item.occurrences}
        called = stored.name or stored.id
        assert len(rows) == len(item.occurrences), f"{called} has two rows for one occurrence"
        ran = sorted(n for n, row in rows.items() if row.outcome is OccurrenceOutcome.DISPATCHED)
        assert ran == plan.dispatched, f"{called}: dispatched {_times(ran)}, not {_times(plan.dispatched)}"
        dropped = {n: row.outcome.value for n, row in rows.items() if row.outcome is not OccurrenceOutcome.DISPATCHED}
        assert dropped == plan.dropped, f"{called}: dropped {dropped}, not {plan.dropped}"
        assert all(row.reason for row in item.occurrences if row.job_id is None), f"{called}: a skip has no reason"
        assert item.next_nominal == plan.following, f"{called}: next {item.next_nominal}, not {plan.following}"
        run = None if plan.following is None else run_at(stored, plan.following)
        assert item.next_run == run, f"{called}: next run {item.next_run}, not {run}"
        assert sorted(str(job.scheduled_for) for job in item.jobs) == [str(n) for n in plan.dispatched]
        if stored.overlap is not Overlap.ALLOW and plan.dispatched:
            assert len(plan.dispatched) == 1, f"{called} may not overlap, and several runs were dispatched at once"

    def _begin(self, envelope: ScheduleEnvelope) -> None:
        lives = self.begun.setdefault(envelope.id, [])
        before = self.schedules.live.get(envelope.id)
        if before is None or not before.same_times(envelope):
            lives.append(envelope)
        self.schedules.begin(envelope)

    def _ended(self, schedule_id: str, state: ScheduleState) -> None:
        fence = self.store.ledger.fence(schedule_id)
        assert fence is not None, "a schedule that ended left no fence"
        assert fence.envelope.state is state, f"the fence says {fence.envelope.state}, not {state}"
        self.schedules.end(schedule_id, state, self.schedules.grown(schedule_id, fence.envelope.generation))

    # What the store shows

    def _compare_jobs(self) -> None:
        listed = {job.id: job for job in self.store.jobs.list(JobFilter(), PAGE)}
        assert listed.keys() == self.jobs.jobs.keys(), (
            f"lost jobs: {_names(self.jobs.jobs.keys() - listed.keys())}, "
            f"unknown jobs: {_names(listed.keys() - self.jobs.jobs.keys())}"
        )
        for job_id, kept in listed.items():
            before = self.snapshot.get(job_id)
            if before is not None:
                only_forward(before, kept)
            model = self.jobs.jobs[job_id]
            assert kept.waits_for == model.waits_for, f"job {job_id[-6:]} waits for {kept.waits_for}"
            seen = (kept.state, kept.attempt, kept.errors, kept.crashes, kept.defers, kept.suspect, kept.worker)
            want = (model.state, model.attempt, model.errors, model.crashes, model.defers, model.suspect, model.worker)
            assert seen == want, f"job {job_id[-6:]} is {seen}, not {want}"
            assert kept.run_at == model.run_at, f"job {job_id[-6:]} runs at {kept.run_at}, not {model.run_at}"
            assert kept.errors <= self.jobs.retries_of(job_id) + 1, f"job {job_id[-6:]} has {kept.errors} errors"
            assert kept.crashes <= kept.max_crashes, f"job {job_id[-6:]} has {kept.crashes} crashes"
            if kept.state is JobState.SUCCEEDED and kept.value is not None:
                assert json.loads(kept.value)["attempt"] == kept.attempt, "the outcome is another attempt's"
        self.snapshot = listed
        few = sum(job.task == FEW and job.state is JobState.RUNNING for job in listed.values())
        assert few <= FEW_AT_ONCE, f"{few} jobs run of a task that allows {FEW_AT_ONCE} at once"
        self._compare_overlap()

    def _compare_overlap(self) -> None:
        """Look for runs side by side that must not be; what somebody asked to be run again is his own affair."""
        skipping, held = Counter[str](), Counter[str]()
        for job_id, overlap in self.skipping.items():
            job = self.snapshot.get(job_id)
            if job is None or job.status.final or job_id in self.jobs.asked_again:
                continue
            skipping[str(job.schedule_id)] += overlap is Overlap.SKIP
            held[str(job.schedule_id)] += job.waits_for == "key"
        assert max(skipping.values(), default=0) <= 1, "overlap=skip, and two runs are open"
        assert max(held.values(), default=0) <= 1, "overlap=queue_one, and two runs are held"

    def _compare_schedules(self) -> None:
        listed = {each.id: each for each in self.store.schedules.list(ScheduleFilter(), PAGE)}
        for schedule_id in listed.keys() | self.schedules.live.keys():
            kept, model = listed.get(schedule_id), self.schedules.live.get(schedule_id)
            assert kept == model, f"schedule {schedule_id} is {kept}, not {model}"
            if kept is not None and kept.next_run is not None:
                place = self.places.get((schedule_id, kept.generation), kept.next_run)
                assert kept.next_run >= place, f"next_run of {kept.name or schedule_id} went back from {place}"
                self.places[schedule_id, kept.generation] = kept.next_run

    def audit(self) -> None:
        """Hold the whole ledger against the times of every schedule: nothing lost, nothing doubled, all with a job."""
        self._compare_jobs()
        self._compare_schedules()
        runs = {job.id for job in self.snapshot.values() if job.schedule_id}
        known = set[str]()
        for schedule_id, lives in self.begun.items():
            rows = self.store.ledger.occurrences(schedule_id, PAGE)
            found = {row.nominal for row in rows if row.source == ""}
            assert len({(row.nominal, row.source) for row in rows}) == len(rows), "two rows for one occurrence"
            for row in rows:
                outcome = self.schedules.ledger.get((schedule_id, row.nominal, row.source))
                assert outcome == row.outcome.value, f"{row} should be {outcome}"
                assert (row.job_id in runs) == (row.outcome is OccurrenceOutcome.DISPATCHED), f"{row} and its job"
                assert row.job_id not in known, "two occurrences have one job"
                known |= {row.job_id} if row.job_id else set()
            live = self.schedules.live.get(schedule_id)
            if live is not None and live.next_nominal is not None:
                self._no_gap(lives[-1], live.next_nominal, found)
        assert known == runs, f"jobs of no occurrence: {_names(runs - known)}"

    def _no_gap(self, began: ScheduleEnvelope, until: Any, found: set[Any]) -> None:
        assert began.next_nominal is not None
        for nominal in grid(began, began.next_nominal):
            if nominal >= until:
                return
            assert nominal in found, f"{began.name or began.id}: {nominal} came to nothing"


def _names(ids: Iterable[str]) -> str:
    return ", ".join(sorted(each[-6:] for each in ids)) or "none"


def _times(moments: Iterable[Any]) -> str:
    return ", ".join(f"{moment:%d %H:%M:%S.%f}" for moment in moments) or "none"
