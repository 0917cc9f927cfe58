"""Random calls to a job store and to a plain model beside it: after each step both must tell the same story."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from nuvom._job import ClaimedJob, JobError, NewJob, Outcome, Refused, TaskDefaults, Verdict
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import Claim, JobFilter, Order, Retention, WorkerInfo
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.harness import START
from tests.machines.job_model import FINAL, JobModel

LEASE = 30.0
POOL = [str(UUID(int=number)) for number in range(1, 41)]
QUEUES, TASKS, KEYS = ("q1", "q2"), ("t1", "t2", "two", "one"), (None, None, None, "k1", "k2")
LIMITS = {"two": 2, "one": 1}
ERROR = JobError("error", "ValueError", "boom", "")


def _new_job(**said: object) -> NewJob:
    """Return a job; of `NewJob` itself Hypothesis would make up the fields that are not said."""
    job = NewJob(**said)  # type: ignore[arg-type]  # Hypothesis draws each from what suits it
    return job._replace(defaults=TaskDefaults(concurrency=LIMITS.get(job.task)))


new_jobs = st.builds(
    _new_job,
    id=st.sampled_from(POOL),
    task=st.sampled_from(TASKS),
    arguments=st.just(b"[[],{}]"),
    queue=st.sampled_from(QUEUES),
    priority=st.sampled_from([-1, 0, 0, 5]),
    max_crashes=st.sampled_from([0, 1, 3, 3]),
    run_at=st.sampled_from([None, None, *(START + timedelta(seconds=n) for n in (-5, 5, 20, 60))]),
    key=st.sampled_from(KEYS),
    kin=st.sampled_from([None, None, "a"]),
    unique=st.sampled_from([None, None, None, "queued", "done", "10s"]),
)
verdicts = st.sampled_from([*Verdict, Verdict.SUCCEEDED])
seconds = st.sampled_from([0.0, 1.0, 5.0, 11.0])
queue_filters = st.sampled_from([None, None, ("q1",), ("q1", "q2")])
exclusions = st.sampled_from([(), (), ("t1",)])
Holding = tuple[str, ClaimedJob, int]  # who, what, and which life of its id
KEEP = Retention(jobs=timedelta(seconds=60.5), failed=timedelta(seconds=120.5))


class JobMachine(RuleBasedStateMachine):
    """Producers, workers and time over one store in memory."""

    workers: Bundle[str] = Bundle("workers")
    holdings: Bundle[Holding] = Bundle("holdings")

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.clock = VirtualClock(START)
        self.store: Store = self.resources.enter_context(closing(open_store(self.url(), clock=self.clock)))
        self.model = JobModel(START, LEASE, limits=LIMITS)
        self.attempts: Counter[str] = Counter()
        self.registered = 0

    def url(self) -> str:
        return "memory://"

    def teardown(self) -> None:
        with self.resources:
            for job in self.model.jobs.values():
                assert [row.number for row in self.store.jobs.attempts(job.id)] == job.history, job

    @initialize(target=workers)
    def begin(self) -> str:
        return self.start_worker()

    @rule(target=workers)
    def register(self) -> str:
        return self.start_worker()

    def start_worker(self) -> str:
        self.registered += 1
        worker = f"w{self.registered}"
        self.store.workers.register(WorkerInfo(id=worker, kind="worker", host="h", pid=1, version="0"))
        self.model.leases[worker] = self.model.monotonic + LEASE
        return worker

    @rule(batch=st.lists(new_jobs, min_size=1, max_size=5))
    def push(self, batch: list[NewJob]) -> None:
        for job, answer in zip(batch, self.store.jobs.push(batch), strict=True):
            standing = self.model.push(job)
            assert answer.new is not bool(standing)
            assert answer.id in (standing or {job.id})
        self.model.open_flows()

    @rule(target=holdings, worker=workers, limit=st.integers(1, 4), queues=queue_filters, excluding=exclusions)
    def claim_best(
        self, worker: str, limit: int, queues: tuple[str, ...] | None, excluding: tuple[str, ...]
    ) -> MultipleResults[Holding]:
        expected = [job.id for job in self.model.claimable(worker, queues, excluding, suspects=False)[:limit]]
        taken = self.store.jobs.claim(Claim(worker, limit, queues, excluding))
        assert [job.id for job in taken] == expected
        return self.take(worker, taken)

    @rule(target=holdings, worker=workers, limit=st.integers(1, 4), queues=queue_filters, excluding=exclusions)
    def claim_fair(
        self, worker: str, limit: int, queues: tuple[str, ...] | None, excluding: tuple[str, ...]
    ) -> MultipleResults[Holding]:
        allowed = self.model.claimable(worker, queues, excluding, suspects=False)
        taken = self.store.jobs.claim(Claim(worker, limit, queues, excluding, Order.FAIR))
        found = {job.id for job in taken}
        assert found <= {job.id for job in allowed}
        assert len(found) == len(taken) == min(limit, len(allowed))
        heads = {job.priority: job for job in sorted(allowed, key=lambda job: job.best, reverse=True)}
        if heads:
            assert min(heads.values(), key=lambda job: (job.run_at, job.seq)).id in found
        return self.take(worker, taken)

    @rule(target=holdings, worker=workers, queues=queue_filters, excluding=exclusions)
    def claim_suspect(
        self, worker: str, queues: tuple[str, ...] | None, excluding: tuple[str, ...]
    ) -> MultipleResults[Holding]:
        allowed = {job.id for job in self.model.claimable(worker, queues, excluding, suspects=True)}
        taken = self.store.jobs.claim(Claim(worker, 10, queues, excluding, Order.SUSPECT))
        assert len(taken) == min(1, len(allowed))
        assert {job.id for job in taken} <= allowed
        return self.take(worker, taken)

    def take(self, worker: str, taken: list[ClaimedJob]) -> MultipleResults[Holding]:
        """Note what a worker now holds; nobody holds the same attempt of a job."""
        for job in taken:
            expected = self.model.claimed(job.id, worker)
            assert (job.attempt, job.errors, job.crashes) == (expected.attempt, expected.errors, expected.crashes)
            assert job.run_at == expected.run_at
        return multiple(*((worker, job, self.model.jobs[job.id].seq) for job in taken))

    @rule(outcomes=st.lists(st.tuples(holdings, verdicts), min_size=1, max_size=4), delay=seconds, data=st.data())
    def finish(self, outcomes: list[tuple[Holding, Verdict]], delay: float, data: st.DataObject) -> None:
        """Outcomes of jobs that are held, were held once, or are held by another: only the holder's count."""
        worker = data.draw(st.sampled_from(sorted({who for (who, _, _), _ in outcomes})))
        at = self.clock.now() + timedelta(seconds=delay)
        sent = [Outcome(job, verdict, b"1", ERROR, at, retries=1) for (_, job, _), verdict in outcomes]
        accepted = [
            self.model.finish(worker, job.id, seq, job.attempt, verdict.value, at)
            for (_, job, seq), verdict in outcomes
        ]
        refused = [Refused(o.job.id, o.job.attempt, worker) for o, ok in zip(sent, accepted, strict=True) if not ok]
        assert Counter(self.store.jobs.finish(worker, sent)) == Counter(refused)
        self.model.open_flows()

    @rule(limit=st.sampled_from([1, 2, 100]))
    def promote(self, limit: int) -> None:
        assert self.store.jobs.promote(limit) == self.model.promote(limit)
        self.model.open_flows()

    @rule(worker=workers)
    def release(self, worker: str) -> None:
        assert self.store.workers.release(worker, "killed") == self.model.release(worker)
        self.model.open_flows()

    @rule(worker=workers)
    def unregister(self, worker: str) -> None:
        self.store.workers.unregister(worker)
        self.model.unregister(worker)
        self.model.open_flows()

    @rule(chosen=st.lists(workers, max_size=3))
    def heartbeat(self, chosen: list[str]) -> None:
        assert self.store.workers.heartbeat(chosen) == self.model.heartbeat(chosen)

    @rule()
    def rescue(self) -> None:
        assert self.store.workers.rescue() == self.model.rescue()
        self.model.open_flows()

    @precondition(lambda self: self.model.in_state("running"))
    @rule()
    def every_process_dies(self) -> None:
        self.advance(LEASE + 1)
        self.rescue()

    @rule(by=seconds)
    def advance(self, by: float) -> None:
        self.clock.advance(by)
        self.model.advance(by)

    @rule(by=st.sampled_from([-3600.0, -7.0, 7.0, 3600.0]))
    def step_the_wall_clock(self, by: float) -> None:
        self.clock.step(by)
        self.model.now += timedelta(seconds=by)

    @rule()
    def reboot(self) -> None:
        self.clock.reboot()
        self.model.reboot()

    @rule()
    def prune(self) -> None:
        forgotten = self.model.prune(KEEP.jobs, KEEP.failed)
        self.model.forget_flows()
        while self.store.prune(KEEP):
            pass
        for job in forgotten:
            assert self.store.jobs.attempts(job.id) == []
            del self.attempts[job.id]

    @rule(queue=st.sampled_from(QUEUES))
    def pause_queue(self, queue: str) -> None:
        assert self.store.jobs.pause_queue(queue, None) is (queue not in self.model.paused)
        self.model.paused.add(queue)

    @rule(queue=st.sampled_from(QUEUES))
    def resume_queue(self, queue: str) -> None:
        assert self.store.jobs.resume_queue(queue) is (queue in self.model.paused)
        self.model.paused.discard(queue)

    @rule(job_id=st.sampled_from(POOL))
    def cancel(self, job_id: str) -> None:
        assert self.store.jobs.cancel(job_id) == self.model.cancel(job_id)
        self.model.open_flows()

    @rule(job_id=st.sampled_from(POOL))
    def retry(self, job_id: str) -> None:
        assert self.store.jobs.retry(job_id) is self.model.retry(job_id)
        self.model.open_flows()

    @invariant()
    def every_job_is_there_and_as_it_should_be(self) -> None:
        listed = self.store.jobs.list(JobFilter(), 1_000)
        expected = sorted(self.model.jobs.values(), key=lambda job: -job.seq)
        assert [job.id for job in listed] == [job.id for job in expected]
        for kept, job in zip(listed, expected, strict=True):
            assert (kept.waits_for, kept.flow) == (job.waits_for, job.flow)
            seen = (kept.state.value, kept.attempt, kept.errors, kept.crashes, kept.defers, kept.suspect, kept.worker)
            assert seen == (job.state, job.attempt, job.errors, job.crashes, job.defers, job.suspect, job.worker), job
            assert (kept.run_at, kept.queue, kept.priority, kept.key) == (job.run_at, job.queue, job.priority, job.key)
            assert kept.finished_at == job.finished_at
            assert (kept.finished_at is not None) == (job.state in FINAL)
            assert kept.errors <= (kept.retries or 0) + 1
            assert kept.crashes <= kept.max_crashes
            assert kept.attempt >= self.attempts[kept.id]
            self.attempts[kept.id] = kept.attempt

    @invariant()
    def one_job_of_a_key_is_loose(self) -> None:
        held = {job.key for job in self.model.in_state("held") if job.waits_for == "key"}
        assert all(len(self.model.loose(key)) == 1 for key in held)

    @invariant()
    def no_flow_is_too_full(self) -> None:
        for task, limit in LIMITS.items():
            assert all(len(self.model.in_places(flow)) <= limit for flow in (task, f"{task}:a"))

    @invariant()
    def what_sleepers_look_at_is_right(self) -> None:
        ready = self.model.claimable_now()
        assert self.store.jobs.has_ready(None) is bool(ready)
        assert self.store.jobs.has_ready(("q1",), ("t1",)) is any(j.queue == "q1" and j.task != "t1" for j in ready)
        assert self.store.jobs.has_suspects(None) is any(job.suspect for job in ready)
        delayed, expected = self.store.jobs.next_wakeup().delayed, self.model.next_delayed()
        assert (delayed is None) == (expected is None)
        assert delayed is None or expected is None or abs(delayed - expected) < 1e-3
