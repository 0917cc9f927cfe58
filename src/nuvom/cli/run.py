"""`nuvom run`, `runworker` and `runscheduler`: the services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from nuvom.cli.site import Site, command

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom.cli.services import LogPlan

_LEVELS = ("debug", "info", "warning", "error", "critical")

Tasks = Annotated[
    list[str] | None,
    typer.Argument(metavar="TASKS", help="Modules or files; by default NUVOM_TASKS, else tasks.py."),
]
Queues = Annotated[
    list[str] | None, typer.Option("--queues", "-Q", metavar="A,B", help="Only these queues; may be repeated.")
]
Processes = Annotated[int, typer.Option("--processes", min=1, max=1_000, help="Processes of the worker.")]
Threads = Annotated[int, typer.Option("--threads", "-c", min=1, max=10_000, help="Jobs at once in each process.")]
AsyncConcurrency = Annotated[
    int, typer.Option("--async-concurrency", min=1, max=1_000_000, help="Jobs of async functions at once, in each.")
]
Grace = Annotated[float, typer.Option("--grace", min=0, help="Seconds for running jobs to end after SIGTERM.")]
MaxJobs = Annotated[
    int | None, typer.Option("--max-jobs", min=1, metavar="N", help="Jobs after which another process takes over.")
]
MaxMemory = Annotated[
    str | None,
    typer.Option("--max-memory", metavar="500M", help="What a process may hold before another one takes over."),
]
Drain = Annotated[bool, typer.Option("--drain", help="End when nothing is left to do: no job is ready, none runs.")]
Once = Annotated[bool, typer.Option("--once", help="Run what is ready now, and end.")]
Level = Annotated[str, typer.Option("--log-level", "-l", help=f"One of {', '.join(_LEVELS)}.")]

Format = Annotated[
    str | None, typer.Option("--log-format", help="text, or json: one object a line. By default NUVOM_LOG_FORMAT.")
]


def register(root: typer.Typer) -> None:
    """Add the services."""
    command(root, "run", json=False)(run)
    command(root, "runworker", json=False)(runworker)
    command(root, "runscheduler", json=False)(runscheduler)


def run(
    site: Site,
    tasks: Tasks = None,
    queues: Queues = None,
    processes: Processes = 1,
    threads: Threads = 10,
    async_concurrency: AsyncConcurrency = 100,
    grace: Grace = 20,
    max_jobs: MaxJobs = None,
    max_memory: MaxMemory = None,
    log_level: Level = "info",
    log_format: Format = None,
    *,
    drain: Drain = False,
    once: Once = False,
) -> None:
    """Run a scheduler and a worker under one supervisor: enough for one machine."""
    plan = _Said(tasks, queues, processes, threads, async_concurrency, max_jobs, max_memory, drain, once)
    _serve(site, plan, scheduler=True, grace=grace, log=(log_level, log_format))


def runworker(
    site: Site,
    tasks: Tasks = None,
    queues: Queues = None,
    processes: Processes = 1,
    threads: Threads = 10,
    async_concurrency: AsyncConcurrency = 100,
    grace: Grace = 20,
    max_jobs: MaxJobs = None,
    max_memory: MaxMemory = None,
    log_level: Level = "info",
    log_format: Format = None,
    *,
    drain: Drain = False,
    once: Once = False,
) -> None:
    """Run a worker: it runs jobs, and leaves schedules to a scheduler."""
    plan = _Said(tasks, queues, processes, threads, async_concurrency, max_jobs, max_memory, drain, once)
    _serve(site, plan, scheduler=False, grace=grace, log=(log_level, log_format))


def runscheduler(site: Site, log_level: Level = "info", log_format: Format = None) -> None:
    """Run a scheduler: it turns due schedules into jobs; any number may run side by side."""
    from nuvom.cli.services import serve
    from nuvom.cli.stores import refuse_private

    app = site.bare_app()
    refuse_private(app.settings)
    serve(app, app_path=None, worker=None, scheduler=True, grace=0, log=_log(app, log_level, log_format))


class _Said(NamedTuple):
    """What the command line says of a worker."""

    tasks: list[str] | None
    queues: list[str] | None
    processes: int
    threads: int
    async_concurrency: int
    max_jobs: int | None
    max_memory: str | None
    drain: bool
    once: bool


def _serve(site: Site, said: _Said, *, scheduler: bool, grace: float, log: tuple[str, str | None]) -> None:
    from nuvom.cli.services import WorkerPlan, queue_names, serve
    from nuvom.cli.tasks import app_with_tasks
    from nuvom.worker.memory import size

    _level(log[0])  # before the tasks are imported, which may take long
    if said.drain and said.once:
        raise typer.BadParameter("say one of --drain and --once", param_hint="--once")
    try:
        wanted = queue_names(said.queues)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="-Q") from None
    try:
        memory = None if said.max_memory is None else size(said.max_memory)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--max-memory") from None
    app, targets = app_with_tasks(site, said.tasks or (), needed=True)
    plan = WorkerPlan(
        targets=targets,
        queues=wanted,
        processes=said.processes,
        threads=said.threads,
        async_concurrency=said.async_concurrency,
        max_jobs=said.max_jobs,
        max_memory=memory,
        drain=said.drain,
        once=said.once,
    )
    serve(app, app_path=site.app_path, worker=plan, scheduler=scheduler, grace=grace, log=_log(app, *log))


def _log(app: Nuvom, level: str, form: str | None) -> LogPlan:
    from nuvom.cli.services import LogPlan

    if form not in (None, "text", "json"):
        raise typer.BadParameter(f"{form!r} is none; one of text, json", param_hint="--log-format")
    return LogPlan(_level(level), form or app.settings.log_format)


def _level(said: str) -> int:
    import logging

    if said.lower() not in _LEVELS:
        raise typer.BadParameter(f"{said!r} is none; one of {', '.join(_LEVELS)}", param_hint="--log-level")
    return int(logging.getLevelNamesMapping()[said.upper()])
