"""`nuvom schedules simulate`: the fleet's year ahead, for people, for programs and as a check in CI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuvom.cli.site import Site, refusal

if TYPE_CHECKING:
    from nuvom._forecast import Forecast, Outlook

_SHOWN = 20  # rows of a table for people; --json has all
_FAIL_ON = (
    "Exit with 1 on: herd=N (more than N runs begin in a minute), anomaly (a clock change touches a schedule) or "
    "anomaly=KIND (made_up, skipped, once, twice), dropped (bounds take runs away), unreadable (a schedule's times "
    "cannot be read). May be repeated."
)
_Check = Callable[["Forecast"], str | None]


def simulate(
    site: Site,
    within: Annotated[str, typer.Option("--for", metavar="365d", help="How far to look ahead.")] = "365d",
    task: Annotated[str | None, typer.Option("--task", help="Only schedules of this task.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, metavar="N", help="How many busiest minutes.")] = 5,
    fail_on: Annotated[list[str] | None, typer.Option("--fail-on", metavar="WHAT", help=_FAIL_ON)] = None,
) -> None:
    """Foretell what the schedules will do: runs, busiest minutes, clock changes, and runs that bounds take away."""
    from nuvom.cli.output import print_json

    checks = [(said, _check(said)) for said in fail_on or ()]
    try:
        found = site.app.schedules.simulate(within, task=task, top=top)
    except ValueError as error:
        raise typer.BadParameter(str(error).replace("for_=", ""), param_hint="--for") from None
    failed = [f"--fail-on {said}: {text}" for said, check in checks if (text := check(found)) is not None]
    if site.as_json:
        print_json({**_fields(found), "failed": failed})
    else:
        _print(found)
    if failed:
        raise refusal("\nnuvom: ".join(failed))


def _check(said: str) -> _Check:
    from nuvom.triggers.anomalies import AnomalyKind

    what, _, value = said.partition("=")
    match what:
        case "herd" if value.isascii() and value.isdigit():
            return lambda found: _herd(found, int(value))
        case "anomaly" if not value and said == what:
            return lambda found: _touched(found, frozenset(AnomalyKind))
        case "anomaly" if value in list(AnomalyKind):
            return lambda found: _touched(found, frozenset((AnomalyKind(value),)))
        case "dropped" if said == what:
            return lambda found: f"{found.dropped:,} runs are taken away by bounds" if found.dropped else None
        case "unreadable" if said == what:
            return lambda found: f"{', '.join(found.unreadable)} cannot be read" if found.unreadable else None
        case _:
            kinds = ", ".join(f"anomaly={kind}" for kind in AnomalyKind)
            known = f"one of herd=N, anomaly, {kinds}, dropped, unreadable"
            raise typer.BadParameter(f"{said!r} is nothing to fail on; {known}", param_hint="--fail-on")


def _herd(found: Forecast, most: int) -> str | None:
    from nuvom._moments import local

    worst = found.herds[0] if found.herds else None
    if worst is None or worst.runs <= most:
        return None
    return f"{worst.runs:,} runs begin in the minute of {local(worst.minute)}, such as {', '.join(worst.names)}"


def _touched(found: Forecast, kinds: frozenset[str]) -> str | None:
    touched = [each for each in found.schedules if any(anomaly.kind in kinds for anomaly in each.anomalies)]
    if not touched:
        return None
    names = ", ".join(each.name or each.id for each in touched[:3])
    return f"clock changes touch {len(touched):,} of {len(found.schedules):,} schedules, such as {names}"


def _print(found: Forecast) -> None:
    from nuvom._moments import local
    from nuvom.cli.output import counted, print_fields, print_table

    not_counted = [f"{number:,} {state}" for state, number in found.left_out.items()]
    fields = {
        "from": local(found.start.replace(microsecond=0)),
        "to": local(found.end.replace(microsecond=0)),
        "schedules": counted(len(found.schedules), "active schedule"),
        "not counted": ", ".join(not_counted) or None,
        "unreadable": ", ".join(found.unreadable) or None,
        "runs": f"{found.runs:,}",
        "dropped": f"{found.dropped:,} by starts_at, ends_at or max_runs" if found.dropped else None,
    }
    print_fields(fields)
    print()
    rows = ((f"{herd.runs:,}", local(herd.minute), ", ".join(herd.names)) for herd in found.herds)
    print_table(("runs", "in the busiest minutes", "such as"), rows, empty="no runs")
    print()
    most = sorted(found.schedules, key=lambda each: -each.runs)[:_SHOWN]
    cells = ((each.name or each.id, f"{each.runs:,}", each.dropped or None, each.task) for each in most)
    print_table(("schedule", "runs", "dropped", "task"), cells, empty="no schedules")
    print()
    changes = list(_changes(found))
    print_table(("schedule", "at clock changes"), changes[:_SHOWN], empty="no clock change touches a schedule")
    if len(changes) > _SHOWN or len(found.schedules) > _SHOWN:
        print(f"\n{len(found.schedules):,} schedules and {len(changes):,} clock changes in all: --json has each")


def _changes(found: Forecast) -> Iterator[tuple[str, str]]:
    from zoneinfo import ZoneInfo

    from nuvom.triggers.anomalies import sentence

    for each in found.schedules:
        for anomaly in each.anomalies:
            yield each.name or each.id, sentence(anomaly, ZoneInfo(each.timezone_name))


def _fields(found: Forecast) -> dict[str, Any]:
    return {
        "start": found.start,
        "end": found.end,
        "runs": found.runs,
        "dropped": found.dropped,
        "herds": [herd._asdict() for herd in found.herds],
        "schedules": [_outlook_fields(each) for each in found.schedules],
        "left_out": dict(found.left_out),
        "unreadable": found.unreadable,
    }


def _outlook_fields(outlook: Outlook) -> dict[str, Any]:
    from nuvom.cli.views import anomaly_fields

    return {
        **outlook._asdict(),
        "anomalies": [anomaly_fields(each, outlook.timezone_name) for each in outlook.anomalies],
    }
