"""What a schedule store and its ledger promise, as plain Python over dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nuvom._schedule import ScheduleEnvelope, ScheduleState, ScheduleType
from nuvom.stores.values import Fence, PlanItem

CALL = ("task", "name", "arguments", "catch_up", "options", "defaults", "metadata", "origin")
TIMES = ("schedule_type", "at", "interval", "cron", "timezone_name")
MOVED = (*TIMES, "anchor", "next_nominal", "next_run", "tzdata")


def differ(one: ScheduleEnvelope, other: ScheduleEnvelope, names: tuple[str, ...]) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in names)


def taken_over(stored: ScheduleEnvelope, wanted: ScheduleEnvelope, names: tuple[str, ...]) -> ScheduleEnvelope:
    return replace(stored, **{name: getattr(wanted, name) for name in names})


@dataclass
class ScheduleModel:
    """Schedules that live, the last definition of those that ended, the ledger and the jobs.

    Generations are the store's to choose: the model notes what it is told and only asks that they grow.
    """

    now: datetime
    live: dict[str, ScheduleEnvelope] = field(default_factory=dict)
    ended: dict[str, ScheduleEnvelope] = field(default_factory=dict)
    rows: dict[tuple[str, datetime], str] = field(default_factory=dict)
    jobs: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    fences: dict[str, Fence] = field(default_factory=dict)
    last_generation: dict[str, int] = field(default_factory=dict)

    def grown(self, schedule_id: str, generation: int) -> int:
        """Note a new generation, which must be larger than any before of this id, over all its lives."""
        assert generation > self.last_generation.get(schedule_id, 0)
        self.last_generation[schedule_id] = generation
        return generation

    def upserted(self, wanted: ScheduleEnvelope) -> tuple[str, ScheduleEnvelope]:
        """What an upsert comes to, but for generation and times of storing."""
        stored, ended = self.live.get(wanted.id), self.ended.get(wanted.id)
        if stored is None:
            ran = ended is not None and (ended.state, ended.schedule_type) == (ScheduleState.DONE, ScheduleType.ONE_OFF)
            if ended is not None and ran and not differ(ended, wanted, TIMES):
                return "done", ended
            return "created", wanted
        merged = taken_over(stored, wanted, CALL)
        if differ(stored, wanted, TIMES):
            merged = taken_over(merged, wanted, MOVED)
        elif not differ(stored, wanted, CALL):
            return "unchanged", stored
        return "replaced", merged

    def begin(self, envelope: ScheduleEnvelope) -> None:
        self.live[envelope.id] = envelope
        self.ended.pop(envelope.id, None)

    def end(self, schedule_id: str, state: ScheduleState, generation: int) -> None:
        stored = self.live.pop(schedule_id)
        self.ended[schedule_id] = replace(
            stored, state=state, next_nominal=None, next_run=None, generation=generation, updated_at=self.now
        )

    def refuses(self, item: PlanItem) -> str | None:
        """Why a plan no longer fits."""
        stored, read = self.live.get(item.envelope.id), item.envelope
        if stored is None:
            return "gone"
        if stored.generation != read.generation:
            return "generation"
        if stored.state is not ScheduleState.ACTIVE:
            return "state"
        return None if stored.next_run == read.next_run else "next_run"

    def passed(self, item: PlanItem) -> bool:
        """Whether the fence of a schedule kept elsewhere is past a delivery."""
        fence = self.fences.get(item.envelope.id)
        return fence is not None and (
            fence.ended_at is not None or item.envelope.generation < fence.envelope.generation
        )

    def recorded(self, item: PlanItem) -> int:
        """Record a plan's rows, each with its job if the row is new; returns how many jobs that were."""
        pushed = 0
        for row in item.occurrences:
            key = (row.schedule_id, row.nominal)
            if key in self.rows:
                continue
            self.rows[key] = row.outcome.value
            if row.job_id is not None:
                assert row.job_id not in self.jobs, "an occurrence became two jobs"
                self.jobs[row.job_id] = key
                pushed += 1
        return pushed

    def applied(self, item: PlanItem) -> None:
        """Record and advance; a schedule with nothing left leaves (its generation is read from its fence)."""
        stored = self.live[item.envelope.id]
        runs = stored.run_count + self.recorded(item)
        self.live[stored.id] = replace(stored, next_nominal=item.next_nominal, next_run=item.next_run, run_count=runs)

    def due(self, now: datetime) -> list[ScheduleEnvelope]:
        active = [e for e in self.live.values() if e.state is ScheduleState.ACTIVE]
        return [e for e in active if e.next_run is not None and e.next_run <= now]

    def next_due(self) -> timedelta | None:
        moments = [e.next_run for e in self.live.values() if e.state is ScheduleState.ACTIVE and e.next_run]
        return min(moments) - self.now if moments else None
