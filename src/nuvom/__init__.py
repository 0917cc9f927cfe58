"""Nuvom: a task engine for Python in which scheduling is a first-class citizen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._call import Call
    from nuvom._current import CurrentJob, current_job
    from nuvom._declared import cron, every
    from nuvom._default import (
        app,
        configure,
        job,
        jobs,
        lifespan,
        queues,
        schedule,
        schedules,
        task,
        transaction,
        workers,
    )
    from nuvom._handle import JobHandle
    from nuvom._hooks import AttemptOutcome, EnqueuedJob, Hook
    from nuvom._job import Attempt, Job, JobError, JobStatus, Progress, Verdict
    from nuvom._retry import Retry, RetryLater
    from nuvom._schedule import (
        CatchUp,
        Occurrence,
        OccurrenceOutcome,
        Overlap,
        ScheduleEnvelope,
        ScheduleState,
        ScheduleType,
    )
    from nuvom._task import Task
    from nuvom._waiting import Waited, as_completed, as_completed_async, wait, wait_async
    from nuvom.errors import (
        ArgumentsError,
        BackendFailed,
        DuplicateScheduleWarning,
        InvalidCron,
        InvalidTrigger,
        JobCancelled,
        JobCancelledError,
        JobFailed,
        JobNotFound,
        JobTimedOut,
        LifespanError,
        NaiveDatetimeWarning,
        NotInJob,
        NuvomError,
        PayloadTooLarge,
        ResultNotStored,
        ScheduleChanged,
        ScheduleEnded,
        ScheduleNotFound,
        SchemaTooNew,
        SettingsError,
        StoreBusy,
        StoreError,
        StoreFull,
        StoreUnavailable,
        StoreUnusable,
        TaskDefinitionError,
        TaskNotFound,
        UnknownTimezone,
        UnsupportedByBackend,
    )

_HOMES = {
    "_app": ("Nuvom",),
    "_call": ("Call",),
    "_current": ("CurrentJob", "current_job"),
    "_declared": ("cron", "every"),
    "_default": (
        "app",
        "configure",
        "job",
        "jobs",
        "lifespan",
        "queues",
        "schedule",
        "schedules",
        "task",
        "transaction",
        "workers",
    ),
    "_handle": ("JobHandle",),
    "_hooks": ("AttemptOutcome", "EnqueuedJob", "Hook"),
    "_job": ("Attempt", "Job", "JobError", "JobStatus", "Progress", "Verdict"),
    "_retry": ("Retry", "RetryLater"),
    "_schedule": (
        "CatchUp",
        "Occurrence",
        "OccurrenceOutcome",
        "Overlap",
        "ScheduleEnvelope",
        "ScheduleState",
        "ScheduleType",
    ),
    "_task": ("Task",),
    "_waiting": ("Waited", "as_completed", "as_completed_async", "wait", "wait_async"),
    "errors": (
        "ArgumentsError",
        "BackendFailed",
        "DuplicateScheduleWarning",
        "InvalidCron",
        "InvalidTrigger",
        "JobCancelled",
        "JobCancelledError",
        "JobFailed",
        "JobNotFound",
        "JobTimedOut",
        "LifespanError",
        "NaiveDatetimeWarning",
        "NotInJob",
        "NuvomError",
        "PayloadTooLarge",
        "ResultNotStored",
        "ScheduleChanged",
        "ScheduleEnded",
        "ScheduleNotFound",
        "SchemaTooNew",
        "SettingsError",
        "StoreBusy",
        "StoreError",
        "StoreFull",
        "StoreUnavailable",
        "StoreUnusable",
        "TaskDefinitionError",
        "TaskNotFound",
        "UnknownTimezone",
        "UnsupportedByBackend",
    ),
}
_MODULES = (
    "errors",
    "plugins",
    "testing",
)  # public ones, which `nuvom.testing.memory()` finds without an import of its own
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__version__: str

__all__ = [
    "ArgumentsError",
    "Attempt",
    "AttemptOutcome",
    "BackendFailed",
    "Call",
    "CatchUp",
    "CurrentJob",
    "DuplicateScheduleWarning",
    "EnqueuedJob",
    "Hook",
    "InvalidCron",
    "InvalidTrigger",
    "Job",
    "JobCancelled",
    "JobCancelledError",
    "JobError",
    "JobFailed",
    "JobHandle",
    "JobNotFound",
    "JobStatus",
    "JobTimedOut",
    "LifespanError",
    "NaiveDatetimeWarning",
    "NotInJob",
    "Nuvom",
    "NuvomError",
    "Occurrence",
    "OccurrenceOutcome",
    "Overlap",
    "PayloadTooLarge",
    "Progress",
    "ResultNotStored",
    "Retry",
    "RetryLater",
    "ScheduleChanged",
    "ScheduleEnded",
    "ScheduleEnvelope",
    "ScheduleNotFound",
    "ScheduleState",
    "ScheduleType",
    "SchemaTooNew",
    "SettingsError",
    "StoreBusy",
    "StoreError",
    "StoreFull",
    "StoreUnavailable",
    "StoreUnusable",
    "Task",
    "TaskDefinitionError",
    "TaskNotFound",
    "UnknownTimezone",
    "UnsupportedByBackend",
    "Verdict",
    "Waited",
    "app",
    "as_completed",
    "as_completed_async",
    "configure",
    "cron",
    "current_job",
    "every",
    "job",
    "jobs",
    "lifespan",
    "queues",
    "schedule",
    "schedules",
    "task",
    "transaction",
    "wait",
    "wait_async",
    "workers",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: `import nuvom` alone costs next to nothing and starts nothing."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("nuvom")
    elif name in _HOME or name in _MODULES:
        from importlib import import_module

        module = import_module(f"nuvom.{_HOME.get(name, name)}")
        value = module if name in _MODULES else getattr(module, name)
    else:
        raise AttributeError(f"module 'nuvom' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
