"""What several commands may be told: the types of their arguments and options, each in one place."""

from __future__ import annotations

from typing import Annotated

import typer

from nuvom._numbers import MOST_LISTED

Limit = Annotated[int, typer.Option("--limit", min=1, max=MOST_LISTED, metavar="N", help="How many at most.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, its id, or how its id begins.")]
OrAll = Annotated[str | None, typer.Argument(metavar="NAME", help="Its name or id; or say --all.")]
OrMany = Annotated[str | None, typer.Argument(metavar="NAME", help="Its name or id; or say which with the filters.")]
All = Annotated[bool, typer.Option("--all", help="All of them, in place of a name.")]

OfTask = Annotated[str | None, typer.Option("--task", help="Only schedules of this task.")]
InState = Annotated[str | None, typer.Option("--state", help="Only schedules in this state.")]
Like = Annotated[
    str | None, typer.Option("--name", metavar="PATTERN", help="Only names that fit, such as 'remind-42-*'.")
]
WithMetadata = Annotated[
    list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="Only with this metadata; may be repeated.")
]

Cron = Annotated[str | None, typer.Option("--cron", metavar="EXPR", help="Five fields, or six with seconds first.")]
Interval = Annotated[str | None, typer.Option("--interval", metavar="15m", help="How long between its runs.")]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="Run once then; in UTC unless it says an offset.")]
In = Annotated[str | None, typer.Option("--in", metavar="90s", help="Run once, so long from now.")]
Zone = Annotated[
    str | None,
    typer.Option("--timezone", "--tz", metavar="ZONE", help="In which --cron is read; by default NUVOM_TIMEZONE."),
]
CatchUp = Annotated[
    str | None, typer.Option("--catch-up", help="latest, first, all or skip: which of those due together run.")
]
Grace = Annotated[str | None, typer.Option("--grace", metavar="5m", help="How late a run may still start.")]
Overlap = Annotated[
    str | None, typer.Option("--overlap", help="allow, skip, queue_one or cancel_other: while an earlier run is open.")
]
Jitter = Annotated[str | None, typer.Option("--jitter", metavar="2m", help="Spread its runs over as long.")]
StartsAt = Annotated[str | None, typer.Option("--starts-at", metavar="TIME", help="No run before then.")]
EndsAt = Annotated[str | None, typer.Option("--ends-at", metavar="TIME", help="No run from then on.")]
MaxRuns = Annotated[int | None, typer.Option("--max-runs", metavar="N", help="How many runs at most.")]
Queue = Annotated[str | None, typer.Option("--queue", "-q", help="The queue of its jobs, in place of the task's.")]
Priority = Annotated[int | None, typer.Option("--priority", help="Of its jobs: -1000 to 1000, higher first.")]
Retries = Annotated[int | None, typer.Option("--retries", metavar="N", help="How many errors are tried again.")]
Crashes = Annotated[
    int | None, typer.Option("--max-crashes", metavar="N", help="How many lost runs are followed by another one.")
]
Timeout = Annotated[str | None, typer.Option("--timeout", metavar="5m", help="How long an attempt may take.")]
Unique = Annotated[
    str | None,
    typer.Option("--unique", metavar="queued|done|10m", help="While what another of its jobs stands for a new one."),
]
ExpiresIn = Annotated[
    str | None, typer.Option("--expires-in", metavar="1h", help="How late a job that never started gives up.")
]
Metadata = Annotated[
    list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="Kept with it; may be repeated.")
]
Args = Annotated[list[str] | None, typer.Argument(metavar="ARG", help="Arguments: JSON, or text where it is none.")]
Kwarg = Annotated[
    list[str] | None, typer.Option("--kwarg", metavar="KEY=VALUE", help="A keyword argument; may be repeated.")
]
Tasks = Annotated[list[str] | None, typer.Option("--tasks", metavar="MODULE|FILE", help="Where the task's code is.")]
Request = Annotated[
    str | None, typer.Option("--request", metavar="ID", help="A name of this request; repeated, it is the same one.")
]
Note = Annotated[str | None, typer.Option("--note", help="Why, for those who wonder.")]
