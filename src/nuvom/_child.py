"""The entry point of a supervised process, `python -m nuvom._child FD`: the first message says what it is to be."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nuvom.errors import LifespanError, NuvomError
from nuvom.stores.values import Retention
from nuvom.worker.link import Inbox, Message, listen, read_first, send

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom._settings import Settings

_PATIENCE = 8.0  # seconds in which a process ends whose supervisor is gone: nobody beats for it any more


class Service(Protocol):
    """What a child runs."""

    def run(self) -> None:
        """Serve until stopped."""
        ...

    def stop(self, grace: float) -> None:
        """End, at the latest in `grace` seconds; from any thread, more than once."""
        ...

    def lease_lost(self) -> None:
        """Note that the supervisor saw the lease run out."""
        ...

    def close(self) -> bool:
        """Let go of everything; False when something still runs."""
        ...


class _Orders:
    """What the supervisor and signals say, passed on to the service once there is one."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._service: Service | None = None
        self._stopped: float | None = None
        self._lock = threading.Lock()

    def serve(self, service: Service) -> None:
        """Name the service; what was said before reaches it now."""
        with self._lock:
            self._service = service
            if self._stopped is not None:
                service.stop(self._stopped)

    def hear(self, message: Message) -> None:
        """Do what the supervisor says."""
        if "stop" in message:
            self.stop(message["stop"])
        elif "lease" in message and self._service is not None:
            self._service.lease_lost()

    def stop(self, grace: float) -> None:
        """Stop the service; where there is none yet, nothing is held and the process ends."""
        with self._lock:
            if self._service is None:
                os._exit(0)
            self._stopped = grace
            self._service.stop(grace)

    def orphaned(self) -> None:
        """Put back what can be put back, and end: the supervisor is gone."""
        logging.getLogger("nuvom.worker").warning("the supervisor is gone: this process puts back its jobs and ends")
        self.stop(0.0)
        time.sleep(_PATIENCE)
        os._exit(1)

    def take_signals(self) -> None:
        """Stop on SIGTERM, at once on the second; SIGINT and SIGHUP of a terminal are the supervisor's to answer."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # A handler of our own and not SIG_IGN, which the tasks' own child processes would inherit (execve(2)).
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._read_signals, args=[reader], name="nuvom-signals", daemon=True).start()

    def _read_signals(self, reader: int) -> None:
        grace = self._grace
        while numbers := os.read(reader, 64):
            if signal.SIGTERM in numbers:
                self.stop(grace)
                grace = 0.0


def _listening(line: socket.socket, inbox: Inbox, orders: _Orders) -> None:
    threading.Thread(
        target=listen, args=[line, inbox, orders.hear, orders.orphaned], name="nuvom-supervisor", daemon=True
    ).start()


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


def _worker(config: Message, line: socket.socket) -> Service:
    from nuvom._task import task_rows
    from nuvom.worker.lifespan import Life
    from nuvom.worker.runner import Runner
    from nuvom.worker.settings import WorkerSettings

    app = _app(config, with_tasks=True)
    queues = config.get("queues")
    settings = WorkerSettings(
        queues=None if queues is None else tuple(queues),
        threads=config["threads"],
        async_concurrency=config["async_concurrency"],
        lease=app.settings.lease.total_seconds(),
        unknown_task=app.settings.unknown_task.total_seconds(),
        keep=_retention(app.settings),
    )
    return Runner(
        app.open(busy_timeout=None),
        app.registry,
        settings,
        rows=task_rows(app.registry),
        life=Life(app.lives),
        registered=lambda worker_id: send(line, registered=worker_id),
    )


class _Scheduler:
    """A scheduler as a child: its service holds and extends its own lease."""

    def __init__(self, config: Message, line: socket.socket) -> None:
        from nuvom.scheduler.service import SchedulerService, SchedulerSettings

        app = _app(config, with_tasks=False)
        settings = app.settings
        self._stop = threading.Event()
        self._service = SchedulerService(
            app.open(busy_timeout=None),
            app.backend if app.split else None,
            SchedulerSettings(
                poll=settings.scheduler_poll.total_seconds(),
                lease=settings.lease.total_seconds(),
                keep=_retention(settings),
            ),
        )

    def run(self) -> None:
        """Dispatch until stopped."""
        self._service.run(self._stop)

    def stop(self, grace: float) -> None:
        """End after the batch at hand."""
        self._stop.set()
        self._service.wake()

    def lease_lost(self) -> None:
        """Do nothing: the service looks after its lease."""

    def close(self) -> bool:
        """Nothing runs on."""
        return True


_SERVICES: dict[str, Callable[[Message, socket.socket], Service]] = {"worker": _worker, "scheduler": _Scheduler}


def main(descriptor: int) -> None:
    """Serve as the supervisor at the other end of `descriptor` says, and end this process."""
    from nuvom.worker import logs

    line = socket.socket(fileno=descriptor)
    line.set_inheritable(False)
    config, inbox = read_first(line)
    orders = _Orders(config.get("grace", 0.0))
    orders.take_signals()
    _listening(line, inbox, orders)
    try:
        service = _SERVICES[config["kind"]](config, line)
    except BaseException as error:
        send(line, failed=f"{type(error).__name__}: {error}")
        if isinstance(error, NuvomError):
            sys.exit(1)  # the supervisor says it
        raise
    logs.show(config.get("log_level", logging.INFO))
    orders.serve(service)
    try:
        service.run()
    except LifespanError as error:
        logging.getLogger("nuvom.worker").error("%s", error, exc_info=error.__cause__)  # noqa: TRY400 - the trace is the user's
        send(line, failed=str(error))
        sys.exit(1)
    send(line, ended=True)
    if not service.close():  # a job still holds a thread; its row was put back
        logging.shutdown()
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
