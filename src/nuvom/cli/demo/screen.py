"""What the demo says: an introduction, a line for each event as it happens, and the account as a table."""

from __future__ import annotations

import time
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nuvom.cli.demo.account import Account, Line, Run, ago, clock_time
from nuvom.cli.demo.services import LEASE, Service

INTRODUCTION = """\
Two schedulers and two workers share one fresh SQLite file. They get three schedules
and one slow job. Then the worker that runs the slow job and one of the schedulers are
ended by kill -9. At the end every time that was due is looked for in the ledger, in the
job table and in a file that the tasks wrote. Times are UTC. It takes about 15 seconds.
"""
PROVEN = f"""\
Everything is accounted for:
  - A killed scheduler costs nothing: there is no leader, either one dispatches what is
    due, and a row of the ledger for each due time keeps it from being dispatched twice.
  - A killed worker loses nothing: what it ran is started again by another one as soon
    as its lease has run out (here {LEASE:.0f} s, by default 30 s), and the outcome is recorded once.
  - Nothing started before it was due.

Try next, with your own function in tasks.py:
    from nuvom import task

    @task
    def hello(name: str) -> None:
        print(f"Hello, {{name}}!")

    nuvom run tasks.py             a scheduler and a worker, enough for one machine
    hello.delay("you")             run it soon, from any Python process beside it
    hello.schedule("you", interval=5)
    nuvom schedules list           and README.md for all the rest
"""
_COLUMNS = ("", "due", "dispatched", "run", "missed", "doubled", "recovered", "latest")
_STYLES = {"run": "green", "again": "bold yellow", "KILL -9": "bold red"}


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

    def run(self, run: Run, who: str, killed_at: float | None) -> None:
        """Print that a job was started."""
        when = f"at {clock_time(run.started)}"
        if run.nominal is not None:
            when = f"due {clock_time(run.nominal)}, {ago(run.started - run.nominal)} late"
        again = "" if run.attempt == 1 else f", attempt {run.attempt}"
        if again and killed_at is not None:
            again += f", {run.started.timestamp() - killed_at:.1f} s after the kill"
        self.event("again" if again else "run", f"{run.what:<12} {when}, on {who}{again}")

    def account(self, found: Account) -> None:
        """Print the table and what is off."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
        for column in _COLUMNS:
            table.add_column(column, justify="right" if column else "left", no_wrap=True)
        total = Line(title="together")
        for line in found.lines:
            total = total.plus(line)
            table.add_row(*_cells(line))
        table.add_section()
        table.add_row(*_cells(total), style="bold")
        self.say()
        self._console.print(table)
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
    counts = (line.due, line.dispatched, line.run)
    bad = (line.missed, line.doubled)
    return (
        line.title,
        *map(str, counts),
        *(Text(str(count), "bold red" if count else "") for count in bad),
        str(line.recovered),
        f"{ago(line.latest)} late",
    )
