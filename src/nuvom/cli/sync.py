"""`nuvom schedules sync`, and what services do at their start about the schedules that code declares."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nuvom.cli.site import Site, command

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._sync import SyncOptions, SyncStep, Unfit

_NAMED = 5  # schedules that one line names
_COMMAND = "nuvom schedules sync"
_DONE = {"create": "created", "update": "updated", "prune": "pruned"}
_WOULD = {"create": "would create", "update": "would update", "prune": "would prune"}


def register(schedules: typer.Typer) -> None:
    """Add `nuvom schedules sync`."""
    command(schedules, "sync")(sync)


def sync(
    site: Site,
    tasks: Annotated[
        list[str] | None,
        typer.Argument(metavar="TASKS", help="Modules or files; by default NUVOM_TASKS, else tasks.py."),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the plan; exit with 2 if it would change something.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Cancel schedules that were declared and no longer are, save paused ones.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Take the code's definition where calls changed parts of it.")
    ] = False,
    revive: Annotated[
        list[str] | None,
        typer.Option("--revive", metavar="NAME", help="Start a cancelled schedule anew; may be repeated."),
    ] = None,
) -> None:
    """Store the schedules that code declares with @cron and @every: a plan first, then its steps."""
    from nuvom import _sync
    from nuvom.cli.output import print_json
    from nuvom.cli.stores import require_present
    from nuvom.cli.tasks import app_with_tasks

    app, _ = app_with_tasks(site, tasks or (), needed=True)
    if dry_run:
        require_present(app.settings)
    options = _options(app, prune=prune, overwrite=overwrite, revive=revive or ())
    steps = _sync.sync(app, options, dry_run=True)
    if not site.as_json:
        _print_plan(steps)
    changed = [step for step in steps if step.action.changes]
    if not dry_run:
        steps = _sync.sync(app, options)
    unfit = [] if app.split else list(_sync.unfit(app))
    if site.as_json:
        print_json({"dry_run": dry_run, "steps": [*map(_step_fields, steps)], "unfit": [*map(_unfit_fields, unfit)]})
    else:
        print(_summary(steps, dry_run=dry_run))
        _print_unfit(unfit)
    if dry_run and changed:
        raise typer.Exit(2)


def at_start(app: Nuvom, *, stores: bool) -> Iterator[str]:
    """Yield what a service says of declared schedules: what it `stores` of them, or which are not in the store."""
    from nuvom import _sync
    from nuvom._sync import SyncOptions
    from nuvom.errors import NuvomError, StoreError

    if not app.declared:
        return
    try:
        if stores:
            changed = changes_told(_stored_at_last(app, SyncOptions()))
            yield f"declared schedules: {changed or 'all as stored'}"
        elif missing := _sync.missing(app):
            yield f"not in the store yet, though the code declares them: {_some(missing)}; store them: `{_COMMAND}`"
    except Exception as error:
        if stores and isinstance(error, NuvomError) and not isinstance(error, StoreError):
            raise  # a declaration that cannot be used; anything else is the store's or a backend's, which may be away
        yield f"declared schedules could not be {'stored' if stores else 'looked up'}: {error}; later: `{_COMMAND}`"
    finally:
        app.close()


def changes_told(steps: Sequence[SyncStep], words: Mapping[str, str] = _DONE) -> str:
    """Return in a few words what a sync changed, or would change; empty for nothing."""
    named: dict[str, list[str]] = {}
    for step in steps:
        if step.action.changes:
            named.setdefault(step.action, []).append(_called(step))
    return "; ".join(f"{words[action]} {_some(names)}" for action, names in named.items())


def _stored_at_last(app: Nuvom, options: SyncOptions) -> Sequence[SyncStep]:
    """Sync, however long the store is away: services wait for it, also at their start."""
    from nuvom import _sync
    from nuvom.errors import StoreFull, StoreUnavailable
    from nuvom.stores.outage import Outage

    outage = Outage(random.random, logging.getLogger("nuvom.sync"))
    while True:
        try:
            steps = _sync.sync(app, options)
        except StoreFull:
            raise
        except StoreUnavailable as error:
            time.sleep(outage.begin(error, time.monotonic()))
        else:
            outage.end(time.monotonic())
            return steps


def _options(app: Nuvom, *, prune: bool, overwrite: bool, revive: Sequence[str]) -> SyncOptions:
    from nuvom._sync import SyncOptions, check_revived

    try:
        check_revived(app, revive)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--revive") from None
    return SyncOptions(prune=prune, overwrite=overwrite, revive=tuple(revive))


def _print_plan(steps: Sequence[SyncStep]) -> None:
    from nuvom._moments import local, trigger_text
    from nuvom.cli.output import print_table

    rows = (
        (
            _called(step),
            step.action,
            _why(step),
            trigger_text(step.schedule),
            local(step.schedule.next_run, step.schedule.timezone_name),
            step.schedule.task,
        )
        for step in steps
    )
    columns = ("name", "action", "why", "runs", "next run", "task")
    print_table(columns, rows, empty="no schedule is declared: put @nuvom.cron(…) or @nuvom.every(…) above @task")


def _why(step: SyncStep) -> str:
    pause = f"paused{f': {step.schedule.note}' if step.schedule.note else ''}" if step.schedule.paused_at else ""
    reasons = (
        ", ".join(step.parts),
        f"left as a call set it: {', '.join(step.overridden)} (--overwrite takes the code's)"
        if step.overridden
        else "",
        _REASONS.get(step.action, "").format(name=_called(step)),
        pause if step.action not in ("cancelled", "done") else "",
    )
    return "; ".join(filter(None, reasons))


_REASONS = {
    "prune": "no longer declared",
    "kept": "no longer declared; resume it, or end it: nuvom schedules cancel {name}",
    "cancelled": "stays cancelled until --revive {name}",
    "taken": "the name belongs to a schedule that a call made",
    "done": "it has run to its end",
    "never": "its bounds leave nothing to run",
}


def _summary(steps: Sequence[SyncStep], *, dry_run: bool) -> str:
    if dry_run:
        return changes_told(steps, _WOULD) or "nothing to change"
    return changes_told(steps) or "nothing was changed"


def _print_unfit(unfit: Sequence[Unfit]) -> None:
    from nuvom.cli.output import shown

    for each in unfit:
        print(shown(f"{each.schedule.name or each.schedule.id} would fail: {each.reason}"))


def _step_fields(step: SyncStep) -> dict[str, Any]:
    schedule = step.schedule
    return {
        "action": step.action.value,
        "name": schedule.name,
        "id": schedule.id,
        "task": schedule.task,
        "state": schedule.state.value,
        "note": schedule.note,
        "next_run": schedule.next_run,
        "parts": list(step.parts),
        "overridden": list(step.overridden),
    }


def _unfit_fields(unfit: Unfit) -> dict[str, Any]:
    return {"name": unfit.schedule.name, "id": unfit.schedule.id, "task": unfit.schedule.task, "reason": unfit.reason}


def _called(step: SyncStep) -> str:
    return step.schedule.name or step.schedule.id


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
