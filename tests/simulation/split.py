"""Two stores under simulation: each process sees both through chance of its own, and a watcher knows what must hold.

What is said to both at once is not one step, so the model is not of the pair but of its parts: the ledger with its
fences, which decide, and the schedules, which may lag behind and never lead.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from nuvom._schedule import Occurrence, OccurrenceOutcome, ScheduleEnvelope, ScheduleState
from nuvom.stores.base import Store
from nuvom.stores.paired.store import PairedStore
from nuvom.stores.values import Once, PlanItem, Refusal, Retention, ScheduleFilter
from tests.simulation.faults import Chance, SeenStore, Watch
from tests.simulation.kernel import Kernel, Process
from tests.simulation.watcher import PAGE, Watcher


class Known(NamedTuple):
    """A fence as the model has it."""

    envelope: ScheduleEnvelope
    ended: bool


class SeenPair(PairedStore):
    """A pair of one process; only what its callers take for now counts as the time of what they do."""

    def __init__(self, process: Process, real: PairedStore, chance: Chance, watch: Watch) -> None:
        queue = SeenStore(process, real.queue, chance, watch, notes_time=False)
        keeper = SeenStore(process, real.keeper, chance, watch, prefix="keeper_", notes_time=False)
        super().__init__(cast("Store", queue), cast("Store", keeper))
        self._process = process

    def now(self) -> datetime:
        now = self._process.read_at = super().now()
        return now


class SplitWatcher(Watcher):
    """Knows what every call to the parts of a pair must do.

    Args:
        kernel: told of what is wrong.
        store: the pair that all processes share, seen from outside.
        lease: seconds.
    """

    def __init__(self, kernel: Kernel, store: PairedStore, lease: float) -> None:
        super().__init__(kernel, store, lease)
        self.pair = store
        self.fences: dict[str, Known] = {}
        self.delivered: dict[tuple[str, int, datetime | None], set[datetime | None]] = defaultdict(set)
        self.ran: Counter[tuple[str, datetime | None]] = Counter()  # by schedule and life

    # The ledger decides

    def ledger_raise_fence(
        self,
        process: Process,
        answer: bool,
        envelope: ScheduleEnvelope,
        expected: int | None,
        rows: Sequence[Occurrence] = (),
    ) -> None:
        known = self.fences.get(envelope.id)
        fits = (known.envelope.generation if known else None) == expected
        assert answer is fits, f"a fence was raised from {expected}: {answer}"
        if not answer:
            return
        self.schedules.grown(envelope.id, envelope.generation)
        self._noted(envelope.id, rows)
        self._changes(process, envelope, known)
        self.fences[envelope.id] = Known(envelope, envelope.state.ended)

    def _changes(self, process: Process, envelope: ScheduleEnvelope, known: Known | None) -> None:
        before = self.pair.keeper.schedules.get(envelope.id)
        if known is not None and not known.ended and (before is None or before.generation < known.envelope.generation):
            before = known.envelope
        if before is not None and not (known and known.ended):
            self.schedules.live[envelope.id] = before
            self._nothing_vanishes(process, envelope.id, None if envelope.state.ended else envelope)
        if not envelope.state.ended:
            self._begin(envelope)

    def ledger_deliver(self, process: Process, answer: list[Refusal], items: Sequence[PlanItem]) -> None:
        reasons = {each.schedule_id: each.reason for each in answer}
        wanted = {item.envelope.id: self._late(item) for item in items}
        for item in items:
            schedule_id = item.envelope.id
            assert reasons.get(schedule_id) == wanted[schedule_id], (
                f"refused: {reasons.get(schedule_id)}, to refuse: {wanted[schedule_id]}"
            )
            if wanted[schedule_id] is None:
                self._recorded(process, item)

    def _late(self, item: PlanItem) -> str | None:
        known = self.fences.get(item.envelope.id)
        if known is not None and known.ended:
            return "gone"
        if known is not None and item.envelope.generation < known.envelope.generation:
            return "generation"
        return "open_runs" if self._moved_on(item) else None

    def _recorded(self, process: Process, item: PlanItem) -> None:
        envelope = item.envelope
        self.schedules.live[envelope.id] = envelope
        self._planned_right(process, item)
        new = {row.job_id for row in self.schedules.record(item.occurrences) if row.job_id}
        for job in item.jobs:
            if job.id in new:
                assert not self.jobs.accept(job), f"occurrence {job.scheduled_for} had a job before it had a row"
                self.skipping[job.id] = envelope.overlap
                self.dispatched += 1
        life = (envelope.id, envelope.created_at)
        self.ran[life] += len(new)
        most = envelope.max_runs
        assert not new or most is None or self.ran[life] <= most, (
            f"{envelope.name} ran {self.ran[life]} times of {most}"
        )
        self.delivered[envelope.id, envelope.generation, envelope.next_nominal].add(item.next_nominal)
        if item.next_run is None:
            fence = self.store.ledger.fence(envelope.id)
            assert fence is not None, "the fence of what is done is gone"
            assert fence.envelope.state is ScheduleState.DONE, f"the fence of what is done says {fence.envelope.state}"
            self.fences[envelope.id] = Known(fence.envelope, ended=True)
            self.schedules.grown(envelope.id, fence.envelope.generation)

    def ledger_request(self, process: Process, answer: Any, item: PlanItem, once: Once) -> None:
        known = self.fences.get(item.envelope.id)
        refused = known is not None and (known.ended or item.envelope.generation < known.envelope.generation)
        assert (answer.refusal is not None) == refused, f"a request was answered {answer}, refused: {refused}"
        if not refused:
            self._requested(answer, item, once)

    # The schedules never lead

    def keeper_schedules_follow(self, process: Process, answer: None, envelopes: Sequence[ScheduleEnvelope]) -> None:
        for envelope in envelopes:
            assert envelope.generation <= self.fences[envelope.id].envelope.generation, "a schedule leads its fence"

    def keeper_schedules_advance(self, process: Process, refused: list[Refusal], items: Sequence[PlanItem]) -> None:
        left = {each.schedule_id for each in refused}
        for item in items:
            envelope = item.envelope
            if envelope.id not in left:
                known = self.delivered[envelope.id, envelope.generation, envelope.next_nominal]
                assert item.next_nominal in known, f"{envelope.name or envelope.id} moved on and was not delivered"

    def keeper_schedules_due(self, process: Process, answer: list[ScheduleEnvelope], now: datetime, limit: int) -> None:
        assert all(each.next_run is not None and each.next_run <= now for each in answer), "due showed what is not"

    def _compare_schedules(self) -> None:
        """Look at no schedule: what is stored may lag behind."""

    def audit(self) -> None:
        """Complete what was left half done; then the schedules are what the fences say, and the ledger is whole."""
        while self.store.prune(Retention()):
            pass
        kept = {each.id: each for each in self.store.schedules.list(ScheduleFilter(), PAGE)}
        living = {each for each, known in self.fences.items() if not known.ended}
        assert kept.keys() == living, f"schedules without fences, or fences without schedules: {kept.keys() ^ living}"
        for schedule_id, envelope in kept.items():
            generation = self.fences[schedule_id].envelope.generation
            assert envelope.generation == generation, f"{schedule_id} is of {envelope.generation}, not of {generation}"
        self._counted(kept)
        self.schedules.live = kept
        super().audit()

    def _counted(self, kept: dict[str, ScheduleEnvelope]) -> None:
        """Hold the count of each living schedule against what its life ran, up to where it is."""
        for envelope in kept.values():
            ran = self.ran[envelope.id, envelope.created_at]
            rows = self.store.ledger.occurrences(envelope.id, PAGE)
            ahead = sum(
                row.outcome is OccurrenceOutcome.DISPATCHED
                and not row.source
                and envelope.next_nominal is not None
                and row.nominal >= envelope.next_nominal
                for row in rows
            )
            assert ran - ahead <= envelope.run_count, f"{envelope.name} counts {envelope.run_count} of {ran} runs"
