"""The demo asks why about what it showed, and an answer that is wrong in code or words does not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nuvom._schedule import Occurrence, OccurrenceOutcome
from nuvom.cli.demo.evidence import Gap, Promise
from nuvom.cli.demo.questions import Answer, Question, ill_answered, questions

DUE = datetime(2027, 3, 1, 12, 0, 1, 250_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SKIPPED = Question(title="report", nominal=DUE, ran=False, words="not run (skipped overlap): one is open")
REFUSAL = Answer(
    question=SKIPPED, code=1, text="report: 2027-03-01 12:00:01.250 UTC\nnot run (skipped overlap): one is open"
)
PROMISES = (
    Promise(title="report", schedule_id="r", due=(), newest=True, alone=True),
    Promise(title="cron", schedule_id="c", due=(), newest=True),
    Promise(title="tick", schedule_id="s", due=()),
)


def row(schedule_id: str, seconds: int, outcome: OccurrenceOutcome) -> Occurrence:
    return Occurrence(schedule_id=schedule_id, nominal=DUE + seconds * SECOND, outcome=outcome, reason="one is open")


def test_it_asks_about_the_first_that_was_skipped_coalesced_and_caught_up() -> None:
    rows = [
        row("r", 2, OccurrenceOutcome.SKIPPED_OVERLAP),
        row("r", 0, OccurrenceOutcome.SKIPPED_OVERLAP),
        row("s", 1, OccurrenceOutcome.DISPATCHED),
        row("r", -1, OccurrenceOutcome.COALESCED),
        row("c", 3, OccurrenceOutcome.COALESCED),
        row("s", 4, OccurrenceOutcome.DISPATCHED),
    ]
    asked = list(questions(PROMISES, rows, Gap(DUE + 2 * SECOND, DUE + 5 * SECOND)))
    assert [(each.title, each.nominal, each.ran) for each in asked] == [
        ("report", DUE, False),
        ("cron", DUE + 3 * SECOND, False),
        ("tick", DUE + 4 * SECOND, True),
    ]
    assert asked[0] == SKIPPED
    assert asked[0].arguments == ["schedules", "why", "report", "2027-03-01", "12:00:01"]


def test_a_right_answer_passes_and_shows_its_exit_code() -> None:
    assert list(ill_answered(REFUSAL)) == []
    assert str(REFUSAL).splitlines() == [
        "$ nuvom schedules why report 2027-03-01 12:00:01",
        "  report: 2027-03-01 12:00:01.250 UTC",
        "  not run (skipped overlap): one is open",
        "  exit code 1: it did not run",
    ]


@pytest.mark.parametrize("code", [0, 2])
def test_another_exit_code_is_reported(code: int) -> None:
    command = "`nuvom schedules why report 2027-03-01 12:00:01`"
    assert list(ill_answered(replace(REFUSAL, code=code))) == [f"{command} exits with {code}, but it did not run"]


@pytest.mark.parametrize(
    ("said", "instead"),
    [("one is open", "no reason was kept"), ("12:00:01", "12:00:02"), ("report: ", "another: ")],
)
def test_another_reason_time_or_schedule_is_reported(said: str, instead: str) -> None:
    [problem] = ill_answered(replace(REFUSAL, text=REFUSAL.text.replace(said, instead)))
    assert "does not say" in problem
    assert said in problem
