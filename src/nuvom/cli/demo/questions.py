"""`nuvom schedules why`, asked about a time that ran and times that did not, and its answers judged."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nuvom._schedule import Occurrence, OccurrenceOutcome
from nuvom.cli.demo.evidence import Gap, Promise
from nuvom.cli.demo.services import environment

PATIENCE = 60.0  # seconds for an answer that takes half a second when the machine is not busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A due time to ask about, and what must be answered."""

    title: str
    nominal: datetime
    ran: bool
    words: str  # must be in the answer

    @property
    def arguments(self) -> list[str]:
        """The command line after `nuvom`; the time is said to the second, as people do."""
        return ["schedules", "why", self.title, f"{self.nominal:%Y-%m-%d}", f"{self.nominal:%H:%M:%S}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a question got."""

    question: Question
    code: int
    text: str

    def __str__(self) -> str:
        said = [f"$ nuvom {shlex.join(self.question.arguments)}", *self.text.splitlines()]
        return "\n  ".join([*said, f"exit code {self.code}: it {'ran' if self.code == 0 else 'did not run'}"])


def questions(promises: Iterable[Promise], rows: Sequence[Occurrence], gap: Gap) -> Iterator[Question]:
    """Yield a question about the first time that was skipped, that was coalesced, and that was missed and caught up."""
    for promise in promises:
        if promise.alone:
            outcome = OccurrenceOutcome.SKIPPED_OVERLAP
        elif promise.newest:
            outcome = OccurrenceOutcome.COALESCED
        else:
            outcome = OccurrenceOutcome.DISPATCHED
        ran = outcome is OccurrenceOutcome.DISPATCHED
        found = [
            row
            for row in rows
            if row.schedule_id == promise.schedule_id and row.outcome is outcome and (gap.holds(row.nominal) or not ran)
        ]
        for row in sorted(found, key=lambda row: row.nominal)[:1]:
            words = " late, succeeded" if ran else f"not run ({outcome.replace('_', ' ')}): {row.reason}"
            yield Question(title=promise.title, nominal=row.nominal, ran=ran, words=words)


def ask(question: Question, variables: Mapping[str, str], folder: Path) -> Answer:
    """Run `nuvom schedules why` as anybody would, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "nuvom", *question.arguments],
        cwd=folder,
        env=environment(os.environ, variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        start_new_session=True,  # Ctrl-C ends the demo, not the answer
        check=False,
    )
    return Answer(question=question, code=done.returncode, text=done.stdout.strip())


def ill_answered(answer: Answer) -> Iterator[str]:
    """Yield what is wrong with an answer."""
    question = answer.question
    about = f"`nuvom {shlex.join(question.arguments)}`"
    if answer.code != (0 if question.ran else 1):
        yield f"{about} exits with {answer.code}, but it {'ran' if question.ran else 'did not run'}"
    for words in (f"{question.title}: ", f"{question.nominal:%H:%M:%S}", question.words):
        if words not in answer.text:
            yield f"{about} does not say {words!r}, but {answer.text!r}"
