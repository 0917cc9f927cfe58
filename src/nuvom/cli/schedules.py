"""`nuvom schedules`: what is scheduled, when it runs next, and how it ran."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuvom.cli import changing, explaining, sync
from nuvom.cli.options import InState, Like, Limit, Name, OfTask, WithMetadata
from nuvom.cli.simulate import simulate
from nuvom.cli.site import Site, command, group

if TYPE_CHECKING:
    from nuvom._schedule import Occurrence, ScheduleEnvelope

_MOST_COUNTED = 1_000  # open runs of one schedule: more are as bad


def register(root: typer.Typer) -> None:
    """Add `nuvom schedules`."""
    schedules = group(root, "schedules", "What is scheduled, when it runs next, how it ran.")
    command(schedules, "list")(list_schedules)
    command(schedules, "show")(show)
    command(schedules, "next")(next_runs)
    command(schedules, "runs")(runs)
    command(schedules, "simulate")(simulate)
    changing.register(schedules)
    explaining.register(schedules)
    sync.register(schedules)


def list_schedules(
    site: Site,
    task: OfTask = None,
    state: InState = None,
    name: Like = None,
    metadata: WithMetadata = None,
    limit: Limit = 100,
) -> None:
    """List schedules, newest first, with their next run on their own clock."""
    from nuvom._moments import distance, local, trigger_text
    from nuvom._schedule import ScheduleState
    from nuvom.cli.output import print_json, print_table
    from nuvom.cli.producing import keywords, wrong_use
    from nuvom.cli.views import schedule_fields

    if state is not None and state not in list(ScheduleState):
        raise typer.BadParameter(f"{state!r} is no state; one of {', '.join(ScheduleState)}", param_hint="--state")
    wanted = keywords(metadata or (), "--metadata") or None
    with wrong_use():
        found = site.app.schedules.list(task=task, state=state, name=name, metadata=wanted, limit=limit)
    if site.as_json:
        print_json([{**schedule_fields(each), "open_runs": _open_runs(site, each)} for each in found])
        return
    now = site.app.now()
    rows = (
        (
            s.name or s.id,
            distance(s.next_run, now),
            local(s.next_run, s.timezone_name),
            s.state,
            trigger_text(s),
            s.task,
            _open_runs(site, s),
        )
        for s in found
    )
    columns = ("name or id", "next run", "on its own clock", "state", "runs", "task", "open runs")
    print_table(columns, rows, empty="no schedules")


def _open_runs(site: Site, schedule: ScheduleEnvelope) -> int:
    return site.app.store.ledger.open_runs(schedule.id, _MOST_COUNTED)


def show(site: Site, name: Name) -> None:
    """Show one schedule."""
    from nuvom.cli.output import print_fields, print_json
    from nuvom.cli.views import schedule_fields

    schedule = site.app.schedules.get(name)
    if site.as_json:
        print_json(schedule_fields(schedule))
    else:
        print_fields(_described(schedule, site))


def next_runs(
    site: Site,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One schedule; by default all.")] = None,
    count: Annotated[int, typer.Argument(metavar="N", min=1, max=100_000, help="How many runs of it.")] = 10,
    within: Annotated[str | None, typer.Option("--for", metavar="24h", help="How far to look ahead.")] = None,
    limit: Limit = 100,
) -> None:
    """List the runs to come, earliest first: of all schedules, or the next N of one."""
    from nuvom._moments import distance, local
    from nuvom.cli.ahead import runs_ahead
    from nuvom.cli.output import print_json, print_table

    now = site.app.now()
    end = _end(now, within if within or name else "24h")
    if name is None:
        found, most = site.app.schedules.upcoming(limit), limit
    else:
        found, most = [site.app.schedules.get(name)], count
    coming = list(runs_ahead(found, now, end, most))
    if site.as_json:
        print_json([_coming_fields(moment, schedule) for moment, schedule in coming])
        return
    rows = (
        (distance(moment, now), local(moment, s.timezone_name), s.name or s.id, s.task, local(moment))
        for moment, s in coming
    )
    print_table(
        ("next run", "on its own clock", "schedule", "task", "in UTC"), rows, empty="nothing is due in that time"
    )
    if name is None and len(coming) == limit:
        print(f"nuvom: these are the first {limit:,}; --limit N shows more", file=sys.stderr)


def runs(site: Site, name: Name, limit: Limit = 100) -> None:
    """List what came due of a schedule, newest first: how late, and what became of its job."""
    from nuvom.cli.output import print_json, print_table
    from nuvom.cli.views import occurrence_fields

    zone = _zone(site, name)
    found = site.app.schedules.runs(name, limit)
    if zone is None and not found:
        site.app.schedules.get(name)  # says that there is none, with the names that are near
    if site.as_json:
        print_json([occurrence_fields(row) for row in found])
        return
    columns = ("due at", "outcome", "late by", "ended as", "ran for", "why", "job")
    print_table(columns, (_run_cells(row, zone or "UTC") for row in found), empty=f"{name} was never due so far")


def _described(schedule: ScheduleEnvelope, site: Site) -> dict[str, object]:
    from nuvom._moments import distance, local, span, trigger_text
    from nuvom.cli.output import as_json_text

    zone = schedule.timezone_name
    next_run = schedule.next_run
    return {
        "id": schedule.id,
        "name": schedule.name,
        "task": schedule.task,
        "args": as_json_text(schedule.args),
        "kwargs": as_json_text(schedule.kwargs),
        "type": schedule.schedule_type,
        "runs": trigger_text(schedule),
        "zone": zone,
        "next run": next_run and f"{local(next_run, zone)}, {distance(next_run, site.app.now())}",
        "in UTC": None if zone == "UTC" else local(next_run),
        "from": local(schedule.starts_at, zone),
        "until": local(schedule.ends_at, zone),
        "catch up": schedule.catch_up,
        "grace": span(schedule.grace),
        "overlap": schedule.overlap,
        "jitter": span(schedule.jitter or None),
        "runs at most": schedule.max_runs,
        "state": schedule.state,
        "paused": local(schedule.paused_at, zone),
        "note": schedule.note,
        "runs so far": schedule.run_count,
        "options": as_json_text(schedule.options),
        "metadata": as_json_text(schedule.metadata),
        "created": local(schedule.created_at),
        "changed": local(schedule.updated_at),
    }


def _end(now: Any, within: str | None) -> Any:
    from nuvom._duration import to_timedelta

    if within is None:
        return None
    try:
        return now + to_timedelta(within, "--for")
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None


def _coming_fields(moment: Any, schedule: ScheduleEnvelope) -> dict[str, object]:
    return {
        "run_at": moment,
        "schedule_id": schedule.id,
        "schedule_name": schedule.name,
        "task": schedule.task,
        "timezone_name": schedule.timezone_name,
    }


def _zone(site: Site, name: str) -> str | None:
    schedule = site.app.schedules.get(name, None)
    if schedule is None:
        fence = site.app.store.ledger.fence(site.app.schedules.id_of(name))
        schedule = fence.envelope if fence else None
    return schedule.timezone_name if schedule else None


def _run_cells(row: Occurrence, zone: str) -> tuple[object, ...]:
    from nuvom._moments import local, span

    ran = row.job_finished_at - row.job_started_at if row.job_finished_at and row.job_started_at else None
    due = local(row.nominal, zone) if row.count == 1 else f"{row.count:,} up to {local(row.last, zone)}"
    why = " ".join(filter(None, (row.source, row.reason)))
    return due, row.outcome, span(row.lateness), row.job_status, span(ran), why, row.job_id
