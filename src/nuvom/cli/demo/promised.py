"""The four schedules of the demo: made, and checked to count from when they were made."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nuvom._schedule import ScheduleEnvelope
from nuvom.cli.demo import tasks
from nuvom.cli.demo.evidence import Promise
from nuvom.cli.demo.stage import Stage
from nuvom.cli.demo.times import every_even_second, every_second

ONCE_IN = timedelta(seconds=2)
_KNOWN = timedelta(milliseconds=20)  # how far a process may be behind the clock of a server, which it asks now and then
REPORT = 1.6  # seconds that a report takes: longer than the second to the next one
ONCE, TICK, CRON, REPORTS = "once", "tick", "cron", "report"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The schedules as they were stored, and what is off with them already."""

    once: ScheduleEnvelope
    tick: ScheduleEnvelope
    cron: ScheduleEnvelope
    report: ScheduleEnvelope
    problems: tuple[str, ...]

    def promises(self, until: datetime) -> tuple[Promise, ...]:
        """Return when each is due up to `until`, by arithmetic that shares nothing with Nuvom's triggers."""
        once, tick, cron, report = (moment or until for moment in _starts(self.once, self.tick, self.cron, self.report))
        return (
            Promise(title=ONCE, schedule_id=self.once.id, due=(once + ONCE_IN,)),
            Promise(title=TICK, schedule_id=self.tick.id, due=every_second(tick, until)),
            Promise(title=CRON, schedule_id=self.cron.id, due=every_even_second(cron, until), newest=True),
            Promise(
                title=REPORTS, schedule_id=self.report.id, due=every_second(report, until), newest=True, alone=True
            ),
        )


def _starts(*schedules: ScheduleEnvelope) -> tuple[datetime | None, ...]:
    once, tick, cron, report = schedules
    return (once.at and once.at - ONCE_IN, tick.anchor, cron.created_at, report.anchor)


def schedule(stage: Stage) -> Scheduled:
    """Make the schedules and show how."""
    file = str(stage.file)
    # Away from the cron's seconds: whether one that falls into the call itself is due could not be told from outside.
    stage.passes(lambda: 0.1 < time.time() % 2 < 1.5, 3)
    behind = timedelta(0) if stage.app.store.url.startswith("sqlite:") else _KNOWN
    before = datetime.now(UTC) - behind
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that six fields begin with seconds is what is wanted here
        made = (
            tasks.note.options(name=ONCE).schedule(file, in_=ONCE_IN),
            tasks.note.options(name=TICK, catch_up="all").schedule(file, interval=1),
            tasks.note.options(name=CRON, catch_up="latest").schedule(file, cron="*/2 * * * * *"),
            tasks.slow.options(name=REPORTS, overlap="skip").schedule(file, REPORT, interval=1),
        )
    after = datetime.now(UTC)
    for name, call in (
        (ONCE, f"note.schedule(file, in_=timedelta(seconds={ONCE_IN.seconds}))"),
        (TICK, 'note, interval=1, catch_up="all"'),
        (CRON, 'note, cron="*/2 * * * * *", catch_up="latest"'),
        (REPORTS, f'slow, takes {REPORT} s, interval=1, overlap="skip"'),
    ):
        stage.screen.event("schedule", f"{name:<7} {call}")
    wrong = [
        f"{envelope.name} counts from {start}, but it was asked for between {before} and {after}"
        for envelope, start in zip(made, _starts(*made), strict=True)
        if start is None or not before <= start <= after
    ]
    return Scheduled(*made, tuple(wrong))
