"""`nuvom doctor`: is all well, and if not, what to do; one line for each thing that can be wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from nuvom.cli.site import Site, command


def register(root: typer.Typer) -> None:
    """Add `nuvom doctor`."""
    command(root, "doctor")(doctor)


def doctor(
    site: Site,
    tasks: Annotated[list[str] | None, typer.Argument(metavar="TASKS", help="Modules or files of tasks.")] = None,
) -> None:
    """Examine store, clock, zones, tasks, services and schedules; exit with 1 if something must be mended."""
    from nuvom.cli.checks import FAIL, examine
    from nuvom.cli.output import print_json, shown

    checks = list(examine(site, tasks or ()))
    healthy = all(check.level != FAIL for check in checks)
    if site.as_json:
        print_json({"healthy": healthy, "checks": [check._asdict() for check in checks]})
    else:
        for check in checks:
            first, *more = check.text.splitlines() or [""]
            print(f"{check.level:<4}  {check.name:<11} {shown(first)}")
            remedy = [f"→ {check.remedy}"] if check.remedy else []
            for line in (*more, *remedy):
                print(f"{'':<4}  {'':<11} {shown(line)}")
    if not healthy:
        raise typer.Exit(1)
