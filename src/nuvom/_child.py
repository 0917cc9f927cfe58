"""The entry point of a supervised process, `python -m nuvom._child FD`: the first message says what it is to be."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nuvom.errors import LifespanError, NuvomError
from nuvom.stores.values import Retention
from nuvom.worker.hard_ends import Announcer
from nuvom.worker.link import Inbox, Message, Voice, listen, read_first
from nuvom.worker.signals import Distinct, passed_over, pipe

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._settings import Settings

_PATIENCE = 8.0  # seconds in which a process ends whose supervisor is gone: nobody beats for it any more
_LAST_LINES = 0.5  # seconds for what was logged to be written by a process that ends although jobs run in it
_LOOK = 1.0  # seconds that a worker waits for a store that it can do without


class Service(Protocol):
    """What a child runs; its `lease` is in seconds."""

    lease: float

    @property
    def drained(self) -> bool:
        """Whether it ended because nothing was left to do, so that no other is to take its place."""
        ...

    def run(self) -> None:
        """Serve until stopped."""
        ...

    def stop(self, grace: float) -> None:
        """End, at the latest in `grace` seconds; from any thread, more than once."""
        ...

    def retire(self) -> None:
        """Take nothing more, and end when what runs has; from any thread."""
        ...

    @property
    def holding(self) -> bool:
        """Whether jobs still run, after `run` has returned."""
        ...

    def lease_lost(self) -> None:
        """Note that the supervisor saw the lease run out."""
        ...

    def close(self) -> bool:
        """Let go of everything; False when something still runs."""
        ...


class _Orders:
    """What the supervisor and signals say, passed on to the service once there is one."""

    def __init__(self, grace: float, voice: Voice) -> None:
        self._grace = grace
        self._voice = voice
        self._service: Service | None = None
        self._stopped: float | None = None
        self._patience = _PATIENCE
        self._lock = threading.Lock()

    def serve(self, service: Service) -> None:
        """Name the service; what was said before reaches it now."""
        with self._lock:
            self._service = service
            self._patience = min(_PATIENCE, service.lease / 3)  # whoever runs its jobs next waits at least twice that
            if self._stopped is not None:
                service.stop(self._stopped)

    def hear(self, message: Message) -> None:
        """Do what the supervisor says."""
        if "stop" in message:
            self.stop(message["stop"])
        elif "lease" in message and self._service is not None:
            self._service.lease_lost()
        elif "retire" in message and self._service is not None:
            self._service.retire()

    def stop(self, grace: float) -> None:
        """Stop the service; where there is none yet, nothing is held and the process ends."""
        with self._lock:
            if self._service is None:
                self._voice.say(ended=True)
                os._exit(0)
            self._stopped = grace
            self._service.stop(grace)

    def orphaned(self) -> None:
        """Record what has ended, put back what was not begun, and end: the supervisor is gone."""
        logging.getLogger("nuvom.worker").warning(
            "the supervisor is gone: this process ends, and what it runs is run again when its lease has run out"
        )
        self.stop(0.0)
        time.sleep(self._patience)
        os._exit(1)

    def take_signals(self) -> None:
        """Stop on SIGTERM, at once on the second; SIGINT and SIGHUP of a terminal are the supervisor's to answer."""
        reader, writer = pipe()
        os.set_blocking(reader, True)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # A handler of our own and not SIG_IGN, which the tasks' own child processes would inherit (execve(2)).
            signal.signal(number, passed_over)
        threading.Thread(target=self._read_signals, args=[reader], name="nuvom-signals", daemon=True).start()

    def _read_signals(self, reader: int) -> None:
        grace, distinct = self._grace, Distinct()
        while numbers := os.read(reader, 64):
            for number in distinct.of(numbers, time.monotonic()):
                if number == signal.SIGTERM:
                    self.stop(grace)
                    grace = 0.0


def _listening(line: socket.socket, inbox: Inbox, orders: _Orders) -> None:
    threading.Thread(
        target=listen, args=[line, inbox, orders.hear, orders.orphaned, _cut_off], name="nuvom-supervisor", daemon=True
    ).start()


def _cut_off() -> None:
    """End at once: the descriptors of the store are closed, too, and what is opened next may have their numbers."""
    logging.getLogger("nuvom.worker").error(
        "a job closed file descriptors that are not its own, such as by os.closerange: its process ends"
    )
    os._exit(1)


def _app(config: Message, *, with_tasks: bool) -> Nuvom:
    """Return the app that the supervisor's process was told to serve, with the settings that were resolved there."""
    from nuvom import _default
    from nuvom.cli.tasks import import_app, insist, load_tasks

    path, root, settings = config.get("app"), config.get("root"), config.get("settings", {})
    app = import_app(path) if path and with_tasks else _default.app
    insist(app, settings)
    if with_tasks and config.get("targets"):
        load_tasks(app, config["targets"], Path(root) if root else None)
        insist(app, settings)  # again: the tasks' code may have said something else
    return app


def _retention(settings: Settings) -> Retention:
    return Retention(jobs=settings.keep_jobs, failed=settings.keep_failed, occurrences=settings.keep_occurrences)


def _log(config: Message) -> tuple[int, str]:
    return config.get("log_level", logging.INFO), config.get("log_format", "text")


def _worker(config: Message, voice: Voice) -> Service:
    from nuvom._task import task_rows
    from nuvom.stores.opening import open_schedules, schedule_url
    from nuvom.worker import logs
    from nuvom.worker.lifespan import Life
    from nuvom.worker.runner import Runner
    from nuvom.worker.settings import WorkerSettings

    def cut_short() -> None:
        _say_end(runner, voice)
        _leave()

    app = _app(config, with_tasks=True)
    level, form = _log(config)
    if logs.show(level, form) and (job_log := logs.job_log(level, form)):
        app.hooks.append(job_log)
    queues = config.get("queues")
    settings = WorkerSettings(
        queues=None if queues is None else tuple(queues),
        threads=config["threads"],
        async_concurrency=config["async_concurrency"],
        max_jobs=config.get("max_jobs"),
        lease=app.settings.lease.total_seconds(),
        unknown_task=app.settings.unknown_task.total_seconds(),
        drain=config.get("drain", False),
        ready_by=datetime.fromisoformat(config["ready_by"]) if config.get("ready_by") else None,
        keep=_retention(app.settings),
    )
    store = app.open(busy_timeout=None, only_jobs=True)
    runner = Runner(
        store,
        app.registry,
        settings,
        rows=task_rows(app.registry),
        life=Life(app.lives, cut_short),
        hooks=app.active_hooks,
        registered=lambda worker_id: voice.say(registered=worker_id),
        retires=lambda reason: voice.say(retires=reason),
        warden=Announcer(voice.say),
        elsewhere=partial(open_schedules, app.settings, store, _LOOK) if schedule_url(app.settings) else None,
    )
    return runner


class _Scheduler:
    """A scheduler as a child: its service holds and extends its own lease."""

    def __init__(self, config: Message, voice: Voice) -> None:
        from nuvom.scheduler.service import SchedulerService, SchedulerSettings
        from nuvom.worker import logs

        app = _app(config, with_tasks=False)
        logs.show(*_log(config))
        settings = app.settings
        self.lease: float = settings.lease.total_seconds()
        self._stop = threading.Event()
        self._drain: bool = config.get("drain", False)
        self._app = app
        self._service = SchedulerService(
            app.open(busy_timeout=None),
            app.backend if app.split else None,
            SchedulerSettings(
                poll=settings.scheduler_poll.total_seconds(),
                lease=self.lease,
                keep=_retention(settings),
            ),
        )

    @property
    def drained(self) -> bool:
        """Whether all that was due is dispatched, and that was its task."""
        return self._drain and not self._stop.is_set()

    def run(self) -> None:
        """Dispatch until stopped, or until nothing is due."""
        self._service.run(self._stop, drain=self._drain)

    def stop(self, grace: float) -> None:
        """End after the batch at hand."""
        self._stop.set()
        self._service.wake()

    def retire(self) -> None:
        """End after the batch at hand."""
        self.stop(0.0)

    @property
    def holding(self) -> bool:
        """Whether jobs run: never."""
        return False

    def lease_lost(self) -> None:
        """Do nothing: the service looks after its lease."""

    def close(self) -> bool:
        """Close a backend of somebody's own; nothing runs on."""
        self._app.close()
        return True


_SERVICES: dict[str, Callable[[Message, Voice], Service]] = {"worker": _worker, "scheduler": _Scheduler}


def main(descriptor: int) -> None:
    """Serve as the supervisor at the other end of `descriptor` says, and end this process."""
    line = socket.socket(fileno=descriptor)
    line.set_inheritable(False)
    config, inbox = read_first(line)
    voice = Voice(line)
    orders = _Orders(config.get("grace", 0.0), voice)
    orders.take_signals()
    _listening(line, inbox, orders)
    try:
        service = _SERVICES[config["kind"]](config, voice)
    except BaseException as error:
        voice.say(failed=f"{type(error).__name__}: {error}")
        if isinstance(error, NuvomError):
            sys.exit(1)  # the supervisor says it
        raise
    orders.serve(service)
    try:
        service.run()
    except OSError as error:
        if error.errno == errno.EBADF:  # the loop met it before the look for it did
            _cut_off()
        raise
    except LifespanError as error:
        logging.getLogger("nuvom.worker").error("%s", error, exc_info=error.__cause__)  # noqa: TRY400 - the trace is the user's
        voice.say(failed=str(error))
        sys.exit(1)
    _say_end(service, voice)
    if service.holding or not service.close():
        _leave()


def _say_end(service: Service, voice: Voice) -> None:
    voice.say(**{"left" if service.holding else "ended": True}, drained=service.drained)


def _leave() -> None:
    """End although a job holds a thread: whoever sees it puts the job back, and not before."""
    writing = threading.Thread(target=logging.shutdown, daemon=True)  # a job may hold the lock of a handler
    writing.start()
    writing.join(_LAST_LINES)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
