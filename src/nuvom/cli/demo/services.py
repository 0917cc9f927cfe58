"""The demo's schedulers and workers: real processes with a group of their own, so that nothing of them stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

LEASE = 3.0  # seconds; short, so that what a killed worker held is taken over while somebody watches
STOPPING = 15.0  # seconds that an idle service may take to end
_LINGERING = 1.0  # seconds in which what a service started may end after it
_TAIL = 15  # lines of a log that are shown after a failure


class Service:
    """One `nuvom` service in a process group of its own, its output in a file of its own.

    Args:
        name: What people call it; the log is named for it.
        arguments: The command line after `nuvom`.
        folder: Working directory and place of the log.
        variables: Which store; its URL may hold a password, so it is no part of the command line.
    """

    def __init__(self, name: str, arguments: list[str], folder: Path, variables: Mapping[str, str]) -> None:
        self.name = name
        self.log: Path = folder / f"{name.replace(' ', '-')}.log"
        self.stopping: bool = False
        self._over = False  # its group is gone, so that its number may be somebody else's
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "nuvom", *arguments],
                cwd=folder,
                env=environment(os.environ, variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process that was started; it leads its group."""
        return self._process.pid

    def holds(self, pid: int) -> bool:
        """Tell whether a process belongs to this service."""
        try:
            return os.getpgid(pid) == self.pid
        except ProcessLookupError:
            return False

    def ended(self) -> int | None:
        """Return the exit code, None while the service runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End every process of the service by SIGKILL, as a power cut or the kernel's OOM killer would."""
        self.stopping = True
        self._end_group()

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the service, as systemd does."""
        self.stopping = True
        self._process.terminate()  # does nothing where it has ended

    def stopped(self, within: float) -> str | None:
        """Wait for the end that was asked for; returns what is wrong with it, None when it was as it should be."""
        try:
            code = self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._end_group()
            return f"{self.name} did not stop within {within:.0f} s of SIGTERM and was killed"
        left = self._outlived(time.monotonic() + _LINGERING)
        self._end_group()
        if code != 0:
            return f"{self.name} was asked to stop and ended with exit code {code}, not 0"
        return f"{self.name} stopped and left a process behind" if left else None

    def tail(self) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL:])

    def _outlived(self, deadline: float) -> bool:
        """Tell whether a process of the group is still there at the deadline, although its leader is gone."""
        while self._signal_group(0) and time.monotonic() < deadline:
            time.sleep(0.01)
        return self._signal_group(0)

    def _end_group(self) -> None:
        if not self._over:
            self._over = True
            self._signal_group(signal.SIGKILL)
            self._process.wait()

    def _signal_group(self, number: int) -> bool:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # nobody left; macOS says EPERM where only zombies are
            return False
        return True


def stop(services: list[Service]) -> list[str]:
    """Stop those services that were not stopped or killed yet, all at once; returns what was wrong with it."""
    running = [service for service in services if not service.stopping]
    for service in running:
        service.ask_to_stop()
    deadline = time.monotonic() + STOPPING
    ends = [service.stopped(max(0.0, deadline - time.monotonic())) for service in running]
    return [problem for problem in ends if problem is not None]


def environment(environ: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's variables without the settings of a project of theirs, with the demo's store and lease."""
    kept = {name: value for name, value in environ.items() if not name.startswith("NUVOM_")}
    return {**kept, **variables, "NUVOM_LEASE": str(LEASE), "PYTHONUNBUFFERED": "1"}
