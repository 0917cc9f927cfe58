"""`nuvom cron`: what an expression means and when it runs, before anything is scheduled; no store is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuvom.cli.site import Site, command, group, refusal

if TYPE_CHECKING:
    from nuvom.triggers import CronTrigger

Expression = Annotated[
    str, typer.Argument(metavar="EXPR", help="Five fields, six with seconds first, or an alias; in quotes.")
]
Zone = Annotated[str, typer.Option("--tz", metavar="ZONE", help="Whose clock it is read on, such as Europe/Paris.")]
Seed = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="The schedule's name, by which `H` is spread.")
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="Look ahead from this time; without an offset it is ZONE's."),
]
_AHEAD = timedelta(days=365)
_KINDS = {
    True: "fixed times: one that a clock change skips runs right after it, one that comes twice runs the first time",
    False: "follows the clock: what a clock change skips does not run, what comes twice runs both times",
}


def register(root: typer.Typer) -> None:
    """Add `nuvom cron`."""
    cron = group(root, "cron", "What a cron expression means and when it runs; no store is opened.")
    command(cron, "explain")(explain)
    command(cron, "next")(next_runs)


def explain(
    site: Site,
    expression: Expression,
    tz: Zone = "UTC",
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=100_000, help="How many runs.")] = 5,
    name: Seed = None,
    since: From = None,
) -> None:
    """Say an expression in words, what clock changes do to it within a year, and its next runs."""
    from nuvom.cli.output import print_fields, print_json
    from nuvom.cli.views import anomaly_fields
    from nuvom.triggers.anomalies import anomalies, sentence
    from nuvom.triggers.words import in_words

    trigger, start = _read(expression, tz, name, since)
    found = list(anomalies(trigger, start, _later(start, _AHEAD)))
    runs = _runs(trigger, start, count)
    if site.as_json:
        print_json({
            "expression": expression,
            "words": in_words(trigger),
            "timezone_name": tz,
            "kind": "fixed_time" if trigger.fixed_time else "wildcard",
            "warnings": trigger.warnings,
            "clock_changes": [anomaly_fields(anomaly, tz) for anomaly in found],
            "next": [_fields(trigger, run, start) for run in runs],
        })  # fmt: skip
        return
    fields = {
        "expression": expression,
        "in words": in_words(trigger),
        "zone": tz,
        "clock": _KINDS[trigger.fixed_time],
        "in a year": "\n".join(sentence(anomaly, trigger.zone) for anomaly in found) or "no clock change touches it",
        "warnings": "\n".join(trigger.warnings) or None,
    }
    print_fields(fields)
    print()
    _print_runs(trigger, runs, start)


def next_runs(
    site: Site,
    expression: Expression,
    count: Annotated[int, typer.Argument(metavar="N", min=1, max=100_000, help="How many runs.")] = 10,
    tz: Zone = "UTC",
    name: Seed = None,
    since: From = None,
) -> None:
    """List an expression's next runs."""
    from nuvom.cli.output import print_json

    trigger, start = _read(expression, tz, name, since)
    runs = _runs(trigger, start, count)
    if site.as_json:
        print_json([_fields(trigger, run, start) for run in runs])
    else:
        _print_runs(trigger, runs, start)


def _read(expression: str, tz: str, name: str | None, since: str | None) -> tuple[CronTrigger, datetime]:
    from nuvom._clock import SYSTEM_CLOCK
    from nuvom.cli.producing import instant
    from nuvom.triggers import CronTrigger

    now = SYSTEM_CLOCK.now()
    with _said_wrongly():
        trigger = CronTrigger(expression, tz, seed=name)
    return trigger, now if since is None else instant(since, tz, now, "--from")


@contextmanager
def _said_wrongly() -> Iterator[None]:
    from nuvom.errors import InvalidTrigger, UnknownTimezone

    try:
        yield
    except (InvalidTrigger, UnknownTimezone, ValueError) as error:
        # Here a seed and a zone are options.
        text = str(error).replace("give seed='nightly'", "say --name nightly").replace("timezone_name=", "--tz ")
        raise refusal(text, code=2) from None


def _runs(trigger: CronTrigger, start: datetime, count: int) -> list[datetime]:
    from itertools import islice

    return list(islice(trigger.between(start, datetime.max.replace(tzinfo=start.tzinfo)), count))


def _later(start: datetime, length: timedelta) -> datetime:
    try:
        return start + length
    except OverflowError:
        return datetime.max.replace(tzinfo=start.tzinfo)


def _fields(trigger: CronTrigger, run: datetime, start: datetime) -> dict[str, Any]:
    from nuvom.triggers.anomalies import remark

    return {
        "run_at": run,
        "local": run.astimezone(trigger.zone),
        "in_seconds": (run - start).total_seconds(),
        "clock_change": remark(trigger, run),
    }


def _print_runs(trigger: CronTrigger, runs: list[datetime], start: datetime) -> None:
    from nuvom._moments import distance, local
    from nuvom.cli.output import print_table
    from nuvom.triggers.anomalies import remark

    rows = [(distance(run, start), local(run, trigger.timezone_name), local(run), remark(trigger, run)) for run in runs]
    columns = ("next run", "on its own clock", "in UTC", "clock change")
    shown = len(columns) if any(row[-1] for row in rows) else len(columns) - 1
    print_table(columns[:shown], [row[:shown] for row in rows], empty="it never runs after that")
