"""Runs of a schedule that meet, or come too late, through the public face."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from nuvom import Nuvom, testing
from nuvom.scheduler.service import SchedulerService
from nuvom.testing import Memory

app = Nuvom("memory://")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@app.task
def note(text: str) -> str:
    return text


@pytest.fixture
def memory() -> Iterator[Memory]:
    with testing.memory(app, now=NOW) as memory:
        yield memory


class TestOverlap:
    def test_skip_runs_nothing_while_a_run_is_open(self, memory: Memory) -> None:
        note.options(name="s", overlap="skip").schedule("a", interval=60)
        memory.clock.advance(60)
        step(memory)
        memory.clock.advance(60)
        step(memory)
        assert [row.outcome for row in app.schedules.runs("s")] == ["skipped_overlap", "dispatched"]
        memory.run_due()
        memory.advance(60)
        assert app.schedules.runs("s")[0].outcome == "dispatched"

    def test_queue_one_holds_one_and_skips_the_others(self, memory: Memory) -> None:
        note.options(name="q", overlap="queue_one").schedule("a", interval=60)
        for _ in range(4):
            memory.clock.advance(60)
            step(memory)
        assert [row.outcome for row in app.schedules.runs("q")][::-1] == [
            *["dispatched"] * 2,
            *["skipped_overlap"] * 2,
        ]
        assert [job.state.value for job in memory.jobs()] == ["ready", "held"]
        assert memory.run_due() == 2

    def test_cancel_other_leaves_only_the_newest_run(self, memory: Memory) -> None:
        note.options(name="c", overlap="cancel_other").schedule("a", interval=60)
        for _ in range(3):
            memory.clock.advance(60)
            step(memory)
        assert [row.outcome for row in app.schedules.runs("c")] == ["dispatched"] * 3
        assert [job.state.value for job in memory.jobs()] == ["cancelled", "cancelled", "ready"]
        assert memory.run_due() == 1

    def test_allow_runs_them_side_by_side(self, memory: Memory) -> None:
        note.options(name="a").schedule("a", interval=60)
        for _ in range(4):
            memory.clock.advance(60)
            step(memory)
        assert [job.state.value for job in memory.jobs()] == ["ready"] * 4


def step(memory: Memory) -> None:
    """Dispatch what is due and run nothing."""
    SchedulerService(memory.app.store, clock=memory.clock).step()


def test_a_job_of_a_schedule_with_a_grace_gives_up(memory: Memory) -> None:
    note.options(name="g", grace="30s").schedule("a", interval=60)
    memory.clock.advance(70)
    step(memory)
    memory.clock.advance(21)
    assert memory.run_due() == 0
    [row] = app.schedules.runs("g")
    assert (row.outcome, row.job_status) == ("dispatched", "expired")
