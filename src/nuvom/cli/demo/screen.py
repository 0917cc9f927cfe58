"""What the demo says: an introduction, a line for each event as it happens, and the account as a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nuvom._schedule import OccurrenceOutcome
from nuvom.cli.demo.account import Account, Line
from nuvom.cli.demo.evidence import Run
from nuvom.cli.demo.services import LEASE, Service
from nuvom.cli.demo.times import ago, clock_time

INTRODUCTION = """\
Two schedulers and two workers share {store}. They get
four schedules, one of which takes longer than the time to its next run, and one slow
job. The worker that runs the slow job is ended by kill -9, then one scheduler,
then the other. While nobody schedules, one job ends the process that runs it,
and another one hangs. Only then a new scheduler is started. At the end every
time that was due is looked for in the ledger, in the job table and in a file
that the tasks wrote. Times are UTC. It takes about 25 seconds.
"""
ELSEWHERE = """\
The schedules are in {backend}, which has five methods, is asked
for what is due every second, and is left empty. It cannot list, pause, or carry jitter
and max_runs, so the demo needs none of these; the ledger stays beside the jobs.
"""
PROVEN = f"""\
Everything is accounted for:
  - A killed scheduler costs nothing: there is no leader, either one dispatches
    what is due, and the ledger's row for each due time keeps it from being
    dispatched twice.
  - A killed worker loses nothing: what it ran is started again by another one
    as soon as its lease has run out (here {LEASE:.0f} s, by default 30 s), and the
    outcome is recorded once.
  - A job that kills its process fails after it did so alone, one that hangs when
    its time is up: that process was replaced. The good jobs paid nothing.
  - Nothing started before it was due, and no two runs of `report` overlapped.
  - What came due while no scheduler was alive was caught up by the next one as
    each schedule says: `tick` ran each (catch_up="all"), `cron` the newest.
  - What was not run has a row that says why; `nuvom schedules why` reads it.

Try next, with your own function in tasks.py:
    from nuvom import task

    @task
    def hello(name: str) -> None:
        print(f"Hello, {{name}}!")

    nuvom run tasks.py             a scheduler and a worker
    hello.delay("you")             run it soon, from any Python beside it
    hello.schedule("you", interval=5)
    nuvom schedules list           and README.md for all the rest
"""
_COLUMNS = ("", "due", "run", "skipped", "coalesced", "missed", "doubled", "caught up", "again", "latest")
_STYLES = {
    "run": "green",
    "again": "bold yellow",
    "catch up": "bold yellow",
    "skip": "magenta",
    "KILL -9": "bold red",
    "failed": "red",
}
_DROPPED = {
    OccurrenceOutcome.SKIPPED_OVERLAP: ("skip", "a run is still open"),
    OccurrenceOutcome.COALESCED: ("coalesce", "a newer one is due"),
}


class Screen:
    """The terminal, or the file that stdout is; rich leaves colours out for NO_COLOR and where there is no terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()

    def say(self, text: str = "", style: str = "") -> None:
        """Print plain text."""
        self._console.print(Text(text, style))

    def event(self, what: str, text: str) -> None:
        """Print what just happened, after the seconds since the demo began."""
        seconds = f"{time.monotonic() - self._began:5.1f} s  "
        self._console.print(Text.assemble((seconds, "dim"), (f"{what:<9}", _STYLES.get(what, "cyan")), text))

    def run(self, run: Run, who: str, killed_at: datetime | None, *, caught_up: bool) -> None:
        """Print that a job was started."""
        when = f"at {clock_time(run.started)}"
        if run.nominal is not None:
            when = f"due {clock_time(run.nominal)}, {ago(run.started - run.nominal)} late"
        again = "" if run.attempt == 1 else f", attempt {run.attempt}"
        if again and killed_at is not None:
            again += f", {(run.started - killed_at).total_seconds():.1f} s after the kill"
        what = "again" if again else "catch up" if caught_up else "run"
        self.event(what, f"{run.what:<7} {when}, on {who}{again}")

    def dropped(self, title: str, outcome: OccurrenceOutcome, due: Sequence[datetime]) -> None:
        """Print that due times were not run."""
        what, why = _DROPPED[outcome]
        times = f"due {clock_time(due[0])}" + (f" to {clock_time(due[-1])}" if len(due) > 1 else "")
        self.event(what, f"{title:<7} {times}: {why}")

    def account(self, found: Account) -> None:
        """Print the table and what is off."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
        for column in _COLUMNS:
            table.add_column(column, justify="right" if column else "left", no_wrap=True)
        total = Line(title="total")
        for line in found.lines:
            total = total.plus(line)
            table.add_row(*_cells(line))
        table.add_section()
        table.add_row(*_cells(total), style="bold")
        self.say()
        self._console.print(table)
        self.say("\ndue = run + skipped + coalesced. Not run, as the ledger has it:")
        for reason in found.reasons:
            self.say(f"  {reason}")
        self.say()

    def failure(self, problems: list[str], services: list[Service], folder: Path) -> None:
        """Print what is off, the ends of the services' logs, and where all of it is kept."""
        for service in services:
            self.say(f"--- the end of {service.log.name}", "bold")
            self.say(service.tail() or "(empty)")
        self.say(f"--- {len(problems)} things are off" if len(problems) > 1 else "--- this is off", "bold red")
        for problem in problems:
            self.say(f"  {problem}")
        self.say(f"The store, the logs and the tasks' file are kept in {folder}")


def _cells(line: Line) -> tuple[str | Text, ...]:
    counts = (line.due, line.run, line.skipped, line.coalesced)
    bad = (line.missed, line.doubled)
    return (
        line.title,
        *map(str, counts),
        *(Text(str(count), "bold red" if count else "") for count in bad),
        str(line.caught_up),
        str(line.again),
        ago(line.latest),
    )
