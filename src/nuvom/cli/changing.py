"""`nuvom schedules create`, `pause`, `resume`, `trigger`, `update`, `cancel` and `backfill`: what changes schedules."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuvom.cli import options
from nuvom.cli.options import Name, Yes
from nuvom.cli.site import Site, command, confirm, refusal

if TYPE_CHECKING:
    from nuvom._requests import Backfilled
    from nuvom._schedule import ScheduleEnvelope

MANY = 10_000  # occurrences of a backfill that must be meant
_EVERYTHING = 1_000_000_000


def register(schedules: typer.Typer) -> None:
    """Add the commands that change schedules to `nuvom schedules`."""
    command(schedules, "create")(create)
    command(schedules, "pause")(pause)
    command(schedules, "resume")(resume)
    command(schedules, "trigger")(trigger)
    command(schedules, "update")(update)
    command(schedules, "cancel")(cancel)
    command(schedules, "backfill")(backfill)


def create(
    site: Site,
    task: Annotated[str, typer.Argument(metavar="TASK", help="Its name, such as reports.build.")],
    args: options.Args = None,
    kwarg: options.Kwarg = None,
    cron: options.Cron = None,
    timezone: options.Zone = None,
    interval: options.Interval = None,
    at: options.At = None,
    in_: options.In = None,
    name: Annotated[str | None, typer.Option("--name", help="Its name; the same one again replaces it.")] = None,
    catch_up: options.CatchUp = None,
    grace: options.Grace = None,
    overlap: options.Overlap = None,
    jitter: options.Jitter = None,
    starts_at: options.StartsAt = None,
    ends_at: options.EndsAt = None,
    max_runs: options.MaxRuns = None,
    queue: options.Queue = None,
    priority: options.Priority = None,
    retries: options.Retries = None,
    max_crashes: options.Crashes = None,
    timeout: options.Timeout = None,
    unique: options.Unique = None,
    expires_in: options.ExpiresIn = None,
    metadata: options.Metadata = None,
    tasks: options.Tasks = None,
) -> None:
    """Schedule a task: with --cron or --interval again and again, with --at or --in once."""
    from nuvom.cli.producing import keywords, task_called, values, wrong_use

    given, named = values(args or ()), keywords(kwarg or ())
    _check_times(cron=cron, interval=interval, at=at, in_=in_, timezone=timezone)
    found = task_called(site, task, tasks or ())
    now, zone = datetime.now(UTC), timezone or "UTC"  # the store may not be there yet
    policies = _policies(catch_up, grace, overlap, jitter, max_runs)
    bounds = _bounds(starts_at, ends_at, zone, now)
    counts = {"priority": priority, "retries": retries, "max_crashes": max_crashes}
    of_jobs = {"queue": queue, **counts, **_limits(timeout, unique, expires_in)}
    times = _times(cron, interval, at, in_, now)
    with wrong_use():
        call = found.options(
            name=name, metadata=keywords(metadata or (), "--metadata") or None, **policies, **bounds, **of_jobs
        ).bind(*given, **named)
        made = call.schedule(**times, timezone_name=timezone if cron is not None else "UTC")
    _tell(site, made, "scheduled")


def pause(
    site: Site, name: options.OrAll = None, note: options.Note = None, *, everything: options.All = False
) -> None:
    """Pause a schedule, or --all active ones; what falls into the pause is not run."""
    from nuvom.cli.producing import wrong_use

    _one_or_all(name, everything=everything)
    with wrong_use():
        if name is not None:
            _tell(site, site.app.schedules.pause(name, note), "paused")
        else:
            _counted(site, "paused", site.app.schedules.pause_all(note))


def resume(site: Site, name: options.OrAll = None, *, everything: options.All = False) -> None:
    """Let a paused schedule go on with what is still to come, or --all that are paused."""
    _one_or_all(name, everything=everything)
    if name is not None:
        _tell(site, site.app.schedules.resume(name), "resumed")
    else:
        _counted(site, "resumed", site.app.schedules.resume_all())


def trigger(site: Site, name: Name, request: options.Request = None) -> None:
    """Run a schedule's task now and print the job's id; its next run stays where it is, a pause stays, too."""
    from nuvom.cli.output import print_json
    from nuvom.cli.producing import wrong_use
    from nuvom.cli.views import job_fields

    schedule = site.app.schedules.get(name)
    with wrong_use():
        handle = site.app.schedules.trigger(schedule.id, request)
    if schedule.state == "paused":
        print(f"nuvom: {schedule.name or schedule.id} is paused and stays so; this run is by hand", file=sys.stderr)
    if site.as_json:
        print_json(job_fields(handle.refresh()))
    else:
        print(handle.id)


def update(
    site: Site,
    name: Name,
    arg: Annotated[
        list[str] | None, typer.Option("--arg", metavar="ARG", help="Its arguments from now on; may be repeated.")
    ] = None,
    kwarg: options.Kwarg = None,
    cron: options.Cron = None,
    timezone: options.Zone = None,
    interval: options.Interval = None,
    at: options.At = None,
    in_: options.In = None,
    catch_up: options.CatchUp = None,
    grace: options.Grace = None,
    overlap: options.Overlap = None,
    jitter: options.Jitter = None,
    starts_at: options.StartsAt = None,
    ends_at: options.EndsAt = None,
    max_runs: options.MaxRuns = None,
    queue: options.Queue = None,
    priority: options.Priority = None,
    retries: options.Retries = None,
    max_crashes: options.Crashes = None,
    timeout: options.Timeout = None,
    unique: options.Unique = None,
    expires_in: options.ExpiresIn = None,
    metadata: options.Metadata = None,
    clear: Annotated[
        list[str] | None, typer.Option("--clear", metavar="OPTION", help="Take an option back, such as grace.")
    ] = None,
) -> None:
    """Change what is given of a schedule and leave the rest; its next run moves only with its times or bounds."""
    from nuvom.cli.producing import keywords, values, wrong_use

    schedule = site.app.schedules.get(name)
    now = site.app.now()
    given: dict[str, Any] = {
        "args": values(arg) if arg else None,
        "kwargs": keywords(kwarg) if kwarg else None,
        "timezone_name": timezone,
        "queue": queue,
        "priority": priority,
        "retries": retries,
        "max_crashes": max_crashes,
        "metadata": keywords(metadata, "--metadata") if metadata else None,
        **_limits(timeout, unique, expires_in),
        **_times(cron, interval, at, in_, now),
        **_policies(catch_up, grace, overlap, jitter, max_runs),
        **_bounds(starts_at, ends_at, timezone or schedule.timezone_name, now),
    }
    said = {key: value for key, value in given.items() if value is not None}
    changes = said | _cleared(clear or (), said)
    if not changes:
        raise typer.BadParameter("say what is to change, such as --interval 1m or --queue slow", param_hint="update")
    with wrong_use():
        changed = site.app.schedules.update(schedule.id, **changes)
    _tell(site, changed, "updated")


def cancel(
    site: Site,
    name: options.OrMany = None,
    like: options.Like = None,
    task: options.OfTask = None,
    metadata: options.WithMetadata = None,
    *,
    yes: Yes = False,
) -> None:
    """Cancel a schedule for good, or all that fit; nothing that is in flight brings it back."""
    from nuvom.cli.output import counted
    from nuvom.cli.producing import keywords, wrong_use

    if (name is None) == (like is None and task is None and not metadata):
        raise typer.BadParameter(
            "name one schedule, or say which with --name PATTERN, --task or --metadata", param_hint="NAME"
        )
    if name is not None:
        schedule_id = site.app.schedules.get(name).id
        _counted(site, "cancelled", int(site.app.schedules.cancel(schedule_id)))
        return
    wanted: dict[str, Any] = {"name": like, "task": task, "metadata": keywords(metadata or (), "--metadata") or None}
    with wrong_use():
        if not yes and (found := len(site.app.schedules.list(**wanted, limit=_EVERYTHING))):
            confirm(f"cancel {counted(found, 'schedule')}?", yes=yes)
        _counted(site, "cancelled", site.app.schedules.cancel_all(**wanted))


def backfill(
    site: Site,
    name: Name,
    start: Annotated[str, typer.Argument(metavar="START", help="From then on, on the schedule's own clock.")],
    end: Annotated[str, typer.Argument(metavar="END", help="Up to then, and not then itself.")],
    pace: Annotated[
        str | None, typer.Option("--pace", metavar="1s", help="How long after each other they run.")
    ] = None,
    request: options.Request = None,
    *,
    again: Annotated[bool, typer.Option("--again", help="Also those that were dispatched.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Yes = False,
) -> None:
    """Run what a schedule would have run in a part of the past, but for what was dispatched then."""
    from nuvom._moments import local
    from nuvom.cli.output import counted
    from nuvom.cli.producing import duration, instant, wrong_use

    schedule, now = site.app.schedules.get(name), site.app.now()
    zone = schedule.timezone_name
    bounds = instant(start, zone, now, "START"), instant(end, zone, now, "END")
    if bounds[1] <= bounds[0]:
        raise typer.BadParameter(f"END={end!r} is not later than START={start!r}; exchange them", param_hint="END")
    how: dict[str, Any] = {"again": again, "pace": duration(pace), "request": request}
    with wrong_use():
        found = site.app.schedules.backfill(schedule.id, *bounds, **how, dry_run=True)
    which = f"{counted(found.found, 'occurrence')} of {schedule.name or schedule.id}"
    between = f"from {local(found.start, zone)} to {local(found.end, zone)}"
    but = "" if again else " (not those that were dispatched)"
    if found.found > MANY and not (yes or dry_run):
        raise refusal(f"{which} {between} are many; say --yes if they are meant, nothing was done", code=2)
    if found.found and not dry_run:
        confirm(f"run {which} {between}{but}?", yes=yes)
        with wrong_use():
            found = site.app.schedules.backfill(schedule.id, *bounds, **how)
    _tell_backfill(site, found, f"{which} {between}")


def _check_times(**given: str | None) -> None:
    """Refuse all but exactly one time, with the options as they are spelled here."""
    spelled = {"cron": "--cron", "interval": "--interval", "at": "--at", "in_": "--in"}
    said = [option for key, option in spelled.items() if given[key] is not None]
    if len(said) != 1:
        found = f"{' and '.join(said)} were given" if said else "none was given"
        raise typer.BadParameter(f"{found}; say exactly one of {', '.join(spelled.values())}", param_hint="create")
    if given["timezone"] is not None and said != ["--cron"]:
        raise typer.BadParameter(f"{said[0]} has no zone; only --cron is read in one", param_hint="--timezone")


def _times(cron: str | None, interval: str | None, at: str | None, in_: str | None, now: datetime) -> dict[str, Any]:
    from nuvom.cli.producing import duration, instant

    moment = None if at is None else instant(at, "UTC", now, "--at")
    return {"cron": cron, "interval": duration(interval), "at": moment, "in_": duration(in_)}


def _policies(
    catch_up: str | None, grace: str | None, overlap: str | None, jitter: str | None, max_runs: int | None
) -> dict[str, Any]:
    from nuvom.cli.producing import duration

    spans = {"grace": duration(grace), "jitter": duration(jitter)}
    return {"catch_up": catch_up, "overlap": overlap, "max_runs": max_runs, **spans}


def _limits(timeout: str | None, unique: str | None, expires_in: str | None) -> dict[str, Any]:
    from nuvom.cli.producing import duration

    return {"timeout": duration(timeout), "unique": duration(unique), "expires_in": duration(expires_in)}


def _bounds(starts_at: str | None, ends_at: str | None, zone: str, now: datetime) -> dict[str, Any]:
    from nuvom.cli.producing import instant

    said = {"starts_at": (starts_at, "--starts-at"), "ends_at": (ends_at, "--ends-at")}
    return {key: word and instant(word, zone, now, option) for key, (word, option) in said.items()}


def _cleared(names: list[str] | tuple[()], said: dict[str, Any]) -> dict[str, Any]:
    """Return the changes that take options back."""
    empty: dict[str, Any] = {"args": [], "kwargs": {}}
    options_of_jobs = ("queue", "priority", "retries", "max_crashes", "timeout", "unique", "expires_in")
    bounds = ("starts_at", "ends_at", "max_runs")
    known = ("catch_up", "grace", "overlap", "jitter", *bounds, *options_of_jobs, "metadata", *empty)
    wanted = [name.replace("-", "_") for name in names]
    for name in wanted:
        spelled = name.replace("_", "-")
        if name not in known:
            choices = ", ".join(each.replace("_", "-") for each in known)
            raise typer.BadParameter(f"{spelled!r} cannot be taken back; one of {choices}", param_hint="--clear")
        if name in said:
            raise typer.BadParameter(f"--{spelled} and --clear {spelled} exclude each other", param_hint="--clear")
    return {name: empty.get(name) for name in wanted}


def _one_or_all(name: str | None, *, everything: bool) -> None:
    if (name is None) != everything:
        raise typer.BadParameter("name one schedule or say --all, not both", param_hint="NAME")


def _tell(site: Site, schedule: ScheduleEnvelope, done: str) -> None:
    """Say what was done to a schedule, and when it runs next."""
    from nuvom._moments import distance, local
    from nuvom.cli.output import print_json, shown
    from nuvom.cli.views import schedule_fields

    if site.as_json:
        print_json(schedule_fields(schedule))
        return
    called = shown(schedule.name or schedule.id)
    if schedule.state == "active" and schedule.next_run is not None:
        coming = f"next run {local(schedule.next_run, schedule.timezone_name)}"
        print(f"{done} {called}: {coming}, {distance(schedule.next_run, site.app.now())}")
    else:
        what = f"{done} {called}" if schedule.state == done else f"{done} {called}, which is {schedule.state}"
        print(f"{what}: {shown(schedule.note)}" if schedule.note else what)


def _counted(site: Site, done: str, number: int) -> None:
    from nuvom.cli.output import counted, print_json

    if site.as_json:
        print_json({done: number})
    else:
        print(f"{done} {counted(number, 'schedule')}")


def _tell_backfill(site: Site, found: Backfilled, which: str) -> None:
    from dataclasses import asdict

    from nuvom.cli.output import counted, print_json

    if site.as_json:
        print_json(asdict(found))
    else:
        print(f"{which}: {counted(found.pushed, 'job')} pushed")
