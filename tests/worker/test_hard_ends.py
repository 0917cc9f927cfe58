"""When a job ends together with its process: what a child announces, and what its supervisor makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nuvom._current import Running
from nuvom._job import ClaimedJob, JobError, Outcome, Verdict
from nuvom.worker.hard_ends import Announcer, HardEnds
from nuvom.worker.link import Message
from nuvom.worker.stopping import Fate

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RETRY = Fate(Verdict.RETRY, 1.5, 3, 2.0)


class Line:
    """A child that announces, and its supervisor, without anything between them."""

    def __init__(self) -> None:
        self.now = 100.0
        self.ends = HardEnds()
        self.child = Announcer(self.say)

    def say(self, **message: Any) -> None:
        import json

        said: Message = json.loads(json.dumps(message))
        self.ends.hear(said, self.now)

    def due(self, after: float) -> list[Outcome]:
        """The outcomes of what has to be ended by then."""
        return [end.outcome(NOW) for end in self.ends.due(self.now + after)]


@pytest.fixture
def line() -> Line:
    return Line()


def running(**fields: Any) -> Running:
    job = ClaimedJob(
        ref=7, id="job", task="task", arguments=b"[[],{}]", queue="mail", priority=0, run_at=NOW, started_at=NOW,
        created_at=NOW, attempt=2, errors=0, crashes=0, max_crashes=3, defers=0, suspect=False, key="k",
    )  # fmt: skip
    return Running(job._replace(**fields), 0, 1, {})


def error_of(outcome: Outcome) -> JobError:
    assert outcome.error is not None
    return outcome.error


def test_a_job_that_is_not_heard_of_again_is_due_at_its_end_with_the_outcome_that_was_announced(line: Line) -> None:
    line.child.watch(running(), 2.5, RETRY)
    assert line.ends.next() == 102.5
    assert line.due(2.4) == []
    [outcome] = line.due(2.5)
    assert (outcome.job.ref, outcome.job.id, outcome.job.attempt, outcome.job.queue) == (7, "job", 2, "mail")
    assert (outcome.verdict, outcome.run_at, outcome.retries) == (Verdict.RETRY, NOW + timedelta(seconds=1.5), 3)
    assert error_of(outcome) == JobError(
        "timeout",
        "nuvom.JobTimedOut",
        "it ran for longer than its timeout of 2 s and did not yield, so its process was replaced",
    )


def test_a_job_that_has_ended_is_never_due(line: Line) -> None:
    job, other = running(), running(ref=8)
    line.child.watch(job, 2.5, RETRY)
    line.child.watch(other, 2.5, RETRY)
    line.child.forget(job)
    line.child.forget(job)
    assert [outcome.job.ref for outcome in line.due(2.6)] == [8]


def test_a_job_that_the_stop_has_reached_is_given_time(line: Line) -> None:
    job = running()
    line.child.watch(job, 2.5, RETRY)
    line.now += 2.1
    line.child.extend(job, 4.9)
    assert line.due(4.8) == []
    assert "went on although it was stopped" in error_of(line.due(4.9)[0]).message


def test_a_job_that_is_asked_to_stop_keeps_the_earlier_end(line: Line) -> None:
    job = running()
    line.child.watch(job, 2.5, RETRY)
    line.child.watch(job, 10.0, Fate(Verdict.CANCELLED))
    [outcome] = line.due(2.5)
    assert (outcome.verdict, error_of(outcome).kind) == (Verdict.CANCELLED, "cancelled")


def test_who_looks_long_after_an_end_was_stopped_and_the_job_gets_a_moment(line: Line) -> None:
    line.child.watch(running(), 2.5, RETRY)
    line.now += 60
    assert line.due(0) == []
    assert line.due(0.9) == []
    assert len(line.due(1.0)) == 1


def test_an_announcement_of_a_job_that_has_ended_meanwhile_changes_nothing(line: Line) -> None:
    line.child.extend(running(), 5.0)
    assert line.ends.next() == float("inf")
