"""What the demo says of jobs that misbehave is held against how they ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nuvom._job import Job, JobError, JobState
from nuvom.cli.demo.misbehaving import Misbehaved

NOW = datetime(2027, 1, 1, tzinfo=UTC)
GOOD = Job(
    id="g", task="t", arguments=b"", queue="q", priority=0, state=JobState.SUCCEEDED, run_at=NOW, created_at=NOW
)  # fmt: skip
POISON = replace(GOOD, id="p", state=JobState.FAILED, error=JobError("crash"))
HUNG = replace(GOOD, id="h", state=JobState.FAILED, error=JobError("timeout"))


def test_jobs_that_ended_as_promised_are_no_problem() -> None:
    found = Misbehaved(POISON, HUNG, (GOOD, GOOD))
    assert list(found.problems()) == []
    assert found.ids == {"p", "h", "g"}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Misbehaved(replace(POISON, error=JobError("lost")), HUNG, ()), "poison is failed (lost)"),
        (Misbehaved(POISON, replace(GOOD, error=None), ()), "hung is succeeded (no error)"),
        (Misbehaved(POISON, HUNG, (GOOD, replace(GOOD, crashes=1))), "1 crashes"),
        (Misbehaved(POISON, HUNG, (replace(GOOD, state=JobState.FAILED),)), "a good job is failed"),
    ],
)
def test_a_job_that_ended_otherwise_is_named(found: Misbehaved, said: str) -> None:
    [problem] = found.problems()
    assert said in problem
