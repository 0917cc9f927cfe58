"""Every error that Nuvom raises: each names the thing, the value and the remedy, and code can read what it is about."""

from __future__ import annotations

from difflib import get_close_matches

_SHOWN = 100  # characters of a value that a message repeats


class NuvomError(Exception):
    """Base of all errors of Nuvom."""


class InvalidTrigger(NuvomError, ValueError):
    """A schedule's time cannot be used; `field` names the argument, `value` holds what was given."""

    def __init__(self, field: str, value: object, reason: str) -> None:
        super().__init__(field, value, reason)
        self.field = field
        self.value = value
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}={shortened(self.value)}: {self.reason}"


class InvalidCron(InvalidTrigger):
    """A cron expression cannot be used; `position` is where in it, for the caret under the field."""

    def __init__(self, expression: str, reason: str, *, part: str | None = None, position: int | None = None) -> None:
        super().__init__("cron", expression, reason)
        self.part = part
        self.position = position

    def __str__(self) -> str:
        where = f" in the {self.part} field" if self.part else ""
        return f"cron={shortened(self.value)}{where}: {self.reason}{self._caret()}"

    def _caret(self) -> str:
        if self.position is None:
            return ""
        start = max(0, self.position - _SHOWN // 2)  # so that the line does not wrap above its caret
        line = "".join(c if c.isprintable() else " " for c in str(self.value)[start : start + _SHOWN])
        return f"\n  {line}\n  {' ' * (self.position - start)}^"


class UnknownTimezone(NuvomError, ValueError):
    """A schedule names a zone that the tz database does not have, or one that misleads; `name` holds it."""

    def __init__(self, name: str, hint: str | None = None) -> None:
        super().__init__(name, hint)
        self.name = name
        self.hint = hint

    def __str__(self) -> str:  # built when read: searching the zone names costs milliseconds
        return f"timezone_name={shortened(self.name)} is not a usable time zone; {self.hint or self._suggestion()}"

    def _suggestion(self) -> str:
        from zoneinfo import available_timezones

        # Names without an area, such as EST, are mostly those that mislead.
        names = {name.casefold(): name for name in available_timezones() if "/" in name or name == "UTC"}
        close = get_close_matches(self.name[:_SHOWN].casefold(), names, n=1)
        return f"did you mean {names[close[0]]!r}?" if close else "use an IANA name such as 'Europe/Paris'"


class SettingsError(NuvomError, ValueError):
    """A setting cannot be used; the message names it, its value (masked) and where it came from."""


class ArgumentsError(NuvomError, TypeError):
    """A call does not fit its task; `task` and `parameter` (None: the whole call) name where."""

    def __init__(self, task: str, parameter: str | None, reason: str) -> None:
        super().__init__(task, parameter, reason)
        self.task = task
        self.parameter = parameter
        self.reason = reason

    def __str__(self) -> str:
        where = f" parameter {self.parameter!r}" if self.parameter else ""
        return f"{self.task}(){where}: {self.reason}"


class PayloadTooLarge(NuvomError, ValueError):
    """Arguments take more room than a job may carry."""

    def __init__(self, task: str, size: int, limit: int) -> None:
        super().__init__(task, size, limit)
        self.task = task
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the arguments of {self.task!r} take {self.size:,} bytes, the limit is {self.limit:,}; "
            "store the data elsewhere and pass its key, or raise NUVOM_MAX_PAYLOAD"
        )


class StoreError(NuvomError):
    """A store could not do what was asked; nothing of it was done unless the error says otherwise."""


class StoreUnavailable(StoreError):
    """A store is away. `unknown` is True when the last commit may or may not have happened: repeat with the same id."""

    def __init__(self, message: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


class StoreBusy(StoreUnavailable):
    """A store stayed locked for as long as a caller waits."""


class StoreFull(StoreUnavailable):
    """A store has no room left; what it holds is intact."""


class StoreUnusable(StoreError):
    """What the URL names is no store that can be used: not a database, read-only, of a newer release."""


class SchemaTooNew(StoreUnusable):
    """A store was migrated by a release that this one cannot work beside."""


class BackendFailed(StoreError):
    """A scheduler backend of somebody's own raised: `backend` is its class, `method` what was called; see `__cause__`.

    What a call changes is written down beside the jobs before the backend hears of it, so it may be repeated.
    """

    def __init__(self, backend: str, method: str, reason: str) -> None:
        super().__init__(backend, method, reason)
        self.backend = backend
        self.method = method
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.backend}.{self.method}() raised {self.reason}"


class JobNotFound(NuvomError, LookupError):
    """There is no job of this id, or it was pruned."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    def __str__(self) -> str:
        return (
            f"no job {shortened(self.job_id)}: it never was in this store, its transaction is not committed, "
            "or it was pruned (NUVOM_KEEP_JOBS)"
        )


class JobFailed(NuvomError):
    """A job ended `failed`; `kind`, `type_name`, `message` and `traceback` tell how."""

    def __init__(self, job_id: str, task: str, kind: str, type_name: str, message: str, traceback: str) -> None:
        super().__init__(job_id, task, kind, type_name, message, traceback)
        self.job_id = job_id
        self.task = task
        self.kind = kind
        self.type_name = type_name
        self.message = message
        self.traceback = traceback

    def __str__(self) -> str:
        what = f"{self.type_name}: {self.message}" if self.type_name else self.message
        tail = f"\n{self.traceback}" if self.traceback else ""
        return f"job {self.job_id} of task {self.task!r} failed ({self.kind}): {what}{tail}"


class JobCancelledError(NuvomError):
    """A job was cancelled, so it has no result."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    def __str__(self) -> str:
        return f"job {self.job_id} was cancelled; it has no result"


class ResultNotStored(NuvomError):
    """A job succeeded and its value was not kept; `reason` says why."""

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(job_id, reason)
        self.job_id = job_id
        self.reason = reason

    def __str__(self) -> str:
        return f"job {self.job_id} succeeded, but its value was not stored: {self.reason}"


class NotInJob(NuvomError, RuntimeError):
    """`current_job()` was called outside a job."""

    def __str__(self) -> str:
        return "current_job() was called outside a job; current_job(None) gives None there"


class ScheduleNotFound(NuvomError, LookupError):
    """There is no schedule of this name or id; `near` holds names that are close."""

    def __init__(self, key: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(key, near)
        self.key = key
        self.near = near

    def __str__(self) -> str:
        hint = f"; did you mean {' or '.join(map(repr, self.near))}?" if self.near else ""
        return f"no schedule {shortened(self.key)}{hint}"


class ScheduleEnded(ScheduleNotFound):
    """A schedule's life is over: it was cancelled, or has nothing left to run; `state` says which."""

    def __init__(self, key: str, state: str) -> None:
        NuvomError.__init__(self, key, state)  # not the parent's: an error is made again from what it was made of
        self.key = key
        self.near: tuple[str, ...] = ()
        self.state = state

    def __str__(self) -> str:
        what = "was cancelled" if self.state == "cancelled" else "has nothing left to run"
        return f"schedule {shortened(self.key)} {what}; a new .schedule(...) under its name starts a new life"


class ScheduleChanged(NuvomError):
    """An update lost a race: the schedule was changed since it was read."""

    def __init__(self, schedule_id: str) -> None:
        super().__init__(schedule_id)
        self.schedule_id = schedule_id

    def __str__(self) -> str:
        return f"schedule {self.schedule_id} was changed since it was read; read it again and repeat"


class UnsupportedByBackend(NuvomError, NotImplementedError):
    """A scheduler backend with only the founding five methods cannot do this."""


class TaskNotFound(NuvomError, LookupError):
    """No worker reported a task of this name; `near` holds names that are close."""

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(name, near)
        self.name = name
        self.near = near

    def __str__(self) -> str:
        hint = f"did you mean {' or '.join(map(repr, self.near))}?" if self.near else "start a worker that has it once"
        return f"no task {shortened(self.name)} is known to this store; {hint}"


class TaskDefinitionError(NuvomError, TypeError):
    """A function cannot be a task as it is decorated."""


class LifespanError(NuvomError):
    """A lifespan cannot be used, or raised at its start; `function` names it, `reason` says what."""

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(function, reason)
        self.function = function
        self.reason = reason

    def __str__(self) -> str:
        return f"lifespan {self.function} {self.reason}"


class TasksUnreadable(NuvomError):
    """A module or file of tasks raised while it was imported; `trace` is the traceback from its first line on."""

    def __init__(self, target: str, trace: str) -> None:
        super().__init__(target, trace)
        self.target = target
        self.trace = trace

    def __str__(self) -> str:
        return f"{self.target} cannot be imported; mend this first:\n{self.trace}"


class JobCancelled(BaseException):  # `except Exception` must not swallow it
    """Raised inside a running task that was asked to stop; the job is `cancelled` if it leaves the task."""


class JobTimedOut(BaseException):  # as above
    """Raised inside a task of a plain function that runs longer than its timeout, so that it can clean up."""


class NaiveDatetimeWarning(UserWarning):
    """A datetime without a zone was read as UTC."""


class DuplicateScheduleWarning(UserWarning):
    """The same unnamed recurring call was made twice in one process, which is one schedule."""


def shortened(value: object) -> str:
    """Return a value as a message shows it: the beginning of its repr, its type where that cannot be had."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  of a class of the caller's, or of what is nested too deeply
        text = object.__repr__(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
