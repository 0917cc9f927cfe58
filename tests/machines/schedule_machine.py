"""Random calls to a schedule store and its ledger, and to a plain model beside them."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, rule

from nuvom._schedule import ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.stores.values import Fence, JobFilter, PlanItem, Refusal, ScheduleFilter
from nuvom.testing.clock import VirtualClock
from nuvom.testing.conformance.examples import daily, dispatched, every, missed, one_off, planned
from nuvom.testing.conformance.harness import START
from tests.machines.schedule_model import ScheduleModel

POOL = [str(UUID(int=number)) for number in range(1, 6)]
ids = st.sampled_from(POOL)
ELSEWHERE = [str(UUID(int=number)) for number in range(101, 104)]
offsets = st.sampled_from([-60, 0, 30, 60, 120])
seconds = st.sampled_from([1.0, 30.0, 60.0, 200.0])


@st.composite
def definitions(draw: st.DrawFn) -> ScheduleEnvelope:
    """A schedule of one of a few ids, so that lives follow one another."""
    first = START + timedelta(seconds=draw(offsets))
    envelope = draw(st.sampled_from([one_off(first), every(60, first), every(30, first), daily(first)]))
    schedule_id = draw(ids)
    task = draw(st.sampled_from(["t1", "t2"]))
    return replace(envelope, id=schedule_id, task=task, name=f"n{schedule_id[-1]}")


class ScheduleMachine(RuleBasedStateMachine):
    """Callers, schedulers that read early and apply late, and time, over one store in memory."""

    read: Bundle[ScheduleEnvelope] = Bundle("read")
    plans: Bundle[PlanItem] = Bundle("plans")

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.clock = VirtualClock(START)
        self.store: Store = self.resources.enter_context(closing(open_store(self.url(), clock=self.clock)))
        self.model = ScheduleModel(START)

    def url(self) -> str:
        return "memory://"

    def teardown(self) -> None:
        self.resources.close()

    # Callers

    @rule(target=read, wanted=definitions())
    def upsert(self, wanted: ScheduleEnvelope) -> ScheduleEnvelope:
        change, expected = self.model.upserted(wanted)
        found = self.store.schedules.upsert(wanted)
        assert found.change == change
        if change in {"created", "replaced"}:
            created = self.clock.now() if change == "created" else expected.created_at
            generation = self.model.grown(wanted.id, found.envelope.generation)
            expected = replace(expected, generation=generation, created_at=created, updated_at=self.clock.now())
            self.model.begin(expected)
        assert found.envelope == expected
        return found.envelope

    @rule(wanted=definitions())
    def enqueue(self, wanted: ScheduleEnvelope) -> None:
        kept = self.store.schedules.enqueue(wanted)
        generation = self.model.grown(wanted.id, kept.generation)
        now = self.clock.now()
        assert kept == replace(wanted, generation=generation, created_at=kept.created_at, updated_at=now)
        self.model.begin(kept)

    @rule(
        envelope=read,
        state=st.sampled_from([ScheduleState.ACTIVE, ScheduleState.PAUSED, ScheduleState.CANCELLED]),
        task=st.sampled_from(["t1", "t3"]),
    )
    def update(self, envelope: ScheduleEnvelope, state: ScheduleState, task: str) -> None:
        """Change what was read, which may be long out of date; ended ones that are read cannot be changed."""
        if envelope.state.ended:
            return
        stored = self.model.live.get(envelope.id)
        after = self.store.schedules.update(replace(envelope, state=state, task=task))
        if stored is None or stored.generation != envelope.generation:
            assert after is None
            return
        assert after is not None
        changed = replace(envelope, state=state, task=task, run_count=stored.run_count)
        generation = self.model.grown(envelope.id, after.generation)
        self.model.live[envelope.id] = replace(changed, generation=generation, updated_at=self.clock.now())
        if state.ended:
            self.model.end(envelope.id, state, generation)

    @rule(schedule_id=ids)
    def cancel(self, schedule_id: str) -> None:
        assert self.store.schedules.cancel(schedule_id) is (schedule_id in self.model.live)
        if schedule_id in self.model.live:
            self.note_the_end(schedule_id, ScheduleState.CANCELLED)

    @rule(schedule_id=ids, offset=offsets)
    def reschedule(self, schedule_id: str, offset: int) -> None:
        at = START + timedelta(seconds=offset)
        self.store.schedules.reschedule(schedule_id, at)
        stored = self.model.live.get(schedule_id)
        if stored and stored.next_run and at > stored.next_run:
            self.model.live[schedule_id] = replace(stored, next_run=at, next_nominal=at)

    # Schedulers

    @rule(target=plans, drop=st.booleans())
    def plan(self, *, drop: bool) -> MultipleResults[PlanItem]:
        """Read what is due and plan it; the plan is applied at any time later, by any number of schedulers."""
        due = self.store.schedules.due(self.clock.now(), 100)
        assert sorted(due, key=lambda e: e.id) == sorted(self.model.due(self.clock.now()), key=lambda e: e.id)
        assert [e.next_run for e in due] == sorted(e.next_run for e in due if e.next_run)
        return multiple(*(plan_of(envelope, self.clock.now(), drop=drop) for envelope in due))

    @rule(items=st.lists(plans, min_size=1, max_size=4))
    def apply(self, items: list[PlanItem]) -> None:
        expected, fitting = [], set()
        for item in {id(item): item for item in items}.values():
            reason = "next_run" if item.envelope.id in fitting else self.model.refuses(item)
            if reason is None:
                fitting.add(item.envelope.id)
                self.model.applied(item)
            expected.append(Refusal(item.envelope.id, reason or ""))
        distinct = list({id(item): item for item in items}.values())
        refused = self.store.schedules.apply(distinct)
        assert sorted(r.schedule_id for r in refused) == sorted(r.schedule_id for r in expected if r.reason)
        for schedule_id in fitting:
            if self.model.live[schedule_id].next_run is None:
                self.note_the_end(schedule_id, ScheduleState.DONE)

    @rule(item=plans)
    def apply_alone(self, item: PlanItem) -> None:
        reason = self.model.refuses(item)
        assert self.store.schedules.apply([item]) == ([] if reason is None else [Refusal(item.envelope.id, reason)])
        if reason is None:
            self.model.applied(item)
            if item.next_run is None:
                self.note_the_end(item.envelope.id, ScheduleState.DONE)

    def note_the_end(self, schedule_id: str, state: ScheduleState) -> None:
        fence = self.store.ledger.fence(schedule_id)
        assert fence is not None
        assert fence.ended_at == self.clock.now()
        self.model.end(schedule_id, state, self.model.grown(schedule_id, fence.envelope.generation))

    # Schedules that another store keeps

    @rule(
        schedule_id=st.sampled_from(ELSEWHERE), generation=st.integers(1, 6), guess=st.integers(0, 6), end=st.booleans()
    )
    def raise_fence(self, schedule_id: str, generation: int, guess: int, *, end: bool) -> None:
        """Callers that read a fence early or late (0: there was none) and write what they want to be next."""
        wanted = elsewhere(schedule_id, generation, self.clock.now())
        if end:
            wanted = wanted.ended(ScheduleState.CANCELLED, generation, self.clock.now())
        fence = self.model.fences.get(schedule_id)
        fits = (fence.envelope.generation if fence else 0) == guess
        assert self.store.ledger.raise_fence(wanted, guess or None) is fits
        if fits:
            self.model.fences[schedule_id] = Fence(wanted, self.clock.now() if end else None)

    @rule(read=st.lists(st.tuples(st.sampled_from(ELSEWHERE), st.integers(1, 6), offsets), min_size=1, max_size=4))
    def deliver(self, read: list[tuple[str, int, int]]) -> None:
        """Deliveries late, repeated and of any generation; those that a fence is past are refused."""
        items = [plan_elsewhere(*what) for what in read]
        passed = [self.model.passed(item) for item in items]
        refused = self.store.ledger.deliver(items)
        assert [r.schedule_id for r in refused] == [
            i.envelope.id for i, late in zip(items, passed, strict=True) if late
        ]
        for item, late in zip(items, passed, strict=True):
            if not late:
                self.model.recorded(item)

    # Time

    @rule(by=seconds)
    def advance(self, by: float) -> None:
        self.clock.advance(by)
        self.model.now = self.clock.now()

    @rule(by=st.sampled_from([-3600.0, -61.0, 3600.0]))
    def step_the_wall_clock(self, by: float) -> None:
        self.clock.step(by)
        self.model.now = self.clock.now()

    # What must hold

    @invariant()
    def schedules_are_as_they_should_be(self) -> None:
        listed = {envelope.id: envelope for envelope in self.store.schedules.list(ScheduleFilter(), 100)}
        assert listed == self.model.live
        next_due, expected = self.store.schedules.next_due(), self.model.next_due()
        assert next_due == (None if expected is None else expected.total_seconds())

    @invariant()
    def what_ended_stays_ended(self) -> None:
        for schedule_id, ended in self.model.ended.items():
            fence = self.store.ledger.fence(schedule_id)
            assert fence is not None
            assert fence.envelope == ended
            assert self.store.schedules.get(schedule_id) is None

    @invariant()
    def fences_are_as_they_were_raised(self) -> None:
        assert {i: self.store.ledger.fence(i) for i in ELSEWHERE} == {i: self.model.fences.get(i) for i in ELSEWHERE}

    @invariant()
    def each_occurrence_has_one_row_and_at_most_one_job(self) -> None:
        rows = [row for schedule_id in POOL + ELSEWHERE for row in self.store.ledger.occurrences(schedule_id, 10_000)]
        assert {(row.schedule_id, row.nominal): row.outcome.value for row in rows} == self.model.rows
        assert len(rows) == len(self.model.rows)
        jobs = self.store.jobs.list(JobFilter(), 10_000)
        assert {job.id: (job.schedule_id, job.scheduled_for) for job in jobs} == self.model.jobs
        assert {row.job_id for row in rows if row.job_id} == self.model.jobs.keys()


def plan_of(envelope: ScheduleEnvelope, now: datetime, *, drop: bool) -> PlanItem:
    """Plan as a scheduler does: the newest due occurrence is dispatched or dropped, and the next one is after it."""
    assert envelope.next_nominal is not None
    nominal = envelope.trigger.before(now + timedelta(microseconds=1)) or envelope.next_nominal
    newest = max(nominal, envelope.next_nominal)
    row = missed(envelope, newest) if drop else dispatched(envelope, newest)
    return planned(envelope, envelope.trigger.after(newest), row)


def elsewhere(schedule_id: str, generation: int, now: datetime) -> ScheduleEnvelope:
    """A schedule of another store, in one of its generations."""
    envelope = every(60, START, id=schedule_id, generation=generation)
    return replace(envelope, created_at=now, updated_at=now)


def plan_elsewhere(schedule_id: str, generation: int, offset: int) -> PlanItem:
    """A plan for one occurrence of it."""
    envelope = elsewhere(schedule_id, generation, START)
    return planned(envelope, START + timedelta(days=1), dispatched(envelope, START + timedelta(seconds=offset)))
