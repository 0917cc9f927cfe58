"""`nuvom schedules why` and `audit`: what became of a time, and whether the ledger says so of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nuvom.cli.options import Name
from nuvom.cli.site import Site, command

if TYPE_CHECKING:
    from nuvom.inquiry.audit import AuditReport, Finding


def register(schedules: typer.Typer) -> None:
    """Add the commands that explain to `nuvom schedules`."""
    command(schedules, "why")(why)
    command(schedules, "audit")(audit)


def why(
    site: Site,
    name: Name,
    when: Annotated[
        list[str] | None,
        typer.Argument(metavar="TIME", help="last (default), next, now, 03:00, yesterday 03:00, or a date and time."),
    ] = None,
) -> None:
    """Say why a schedule did or did not run at a time, as far as its job; exit with 0 if it ran, else with 1."""
    from nuvom._moments import local
    from nuvom.cli.output import print_json, shown
    from nuvom.cli.producing import wrong_use
    from nuvom.cli.views import why_fields

    with wrong_use():
        found = site.app.schedules.why(name, " ".join(when or ["last"]))
    if site.as_json:
        print_json(why_fields(found))
    else:
        time = local(found.nominal, found.timezone_name) or f"{found.asked} ({found.timezone_name})"
        print(f"{shown(found.schedule_name or found.schedule_id)}: {shown(time)}")
        for line in (found.text, *found.more):
            print(shown(line))
    if not found.ran:
        raise typer.Exit(1)


def audit(
    site: Site,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One schedule; by default all.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME|30d", help="Only occurrences from then on.")
    ] = None,
) -> None:
    """Compare the times that schedules call for with the ledger; exit with 1 if something is missing or too much."""
    from nuvom.cli.output import print_json
    from nuvom.cli.producing import past, wrong_use
    from nuvom.cli.views import audit_fields

    with wrong_use():
        start = None if since is None else past(since, site.app.now(), "--since")
        report = site.app.schedules.audit(name, since=start)
    if site.as_json:
        print_json(audit_fields(report))
    else:
        _print_report(report)
    if not report.clean:
        raise typer.Exit(1)


def _print_report(report: AuditReport) -> None:
    from nuvom._moments import local
    from nuvom.cli.output import counted, print_fields, print_table

    looked = {"schedules": f"{report.schedules:,}", "from": local(report.start), "up to": local(report.end)}
    numbers = ("expected", "recorded", "pending", "missing", "doubled", "unexplained")
    print_fields(looked | {name: f"{getattr(report, name):,}" for name in numbers})
    if report.clean:
        return
    print()
    print_table(("schedule", "time", "what", "why"), map(_cells, report.findings), empty="")
    listed = sum(finding.count for finding in report.findings)
    if (rest := report.missing + report.doubled + report.unexplained - listed) > 0:
        print(f"and {counted(rest, 'occurrence')} more")


def _cells(finding: Finding) -> tuple[object, ...]:
    from nuvom._moments import local

    time = local(finding.nominal, finding.timezone_name)
    if finding.count > 1:
        time = f"{finding.count:,} from {time} to {local(finding.last, finding.timezone_name)}"
    return finding.schedule_name or finding.schedule_id, time, finding.fault, finding.text
