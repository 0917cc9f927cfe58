"""One child process as its supervisor sees it: started, told, watched, gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nuvom.worker.link import Inbox, send

CHILD = "nuvom._child"


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What a child is to be: its `kind`, and the configuration (JSON) that its entry point reads."""

    kind: str  # "worker" or "scheduler"
    config: Mapping[str, Any]


class Child:
    """A running child process and the line to it."""

    def __init__(self, spec: ChildSpec) -> None:
        self.kind: str = spec.kind
        self.line: socket.socket
        self.line, theirs = socket.socketpair()
        self.line.setblocking(True)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", CHILD, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self.started_at: float = time.monotonic()
        self.worker_id: str | None = None
        self.stopped: bool = False  # by SIGSTOP: it does nothing, so nobody says that it lives
        self.orderly: bool = False
        self.failure: str = ""
        self._inbox = Inbox()
        send(self.line, kind=spec.kind, **spec.config)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def tell(self, **message: Any) -> None:
        """Send it a message."""
        send(self.line, **message)

    def hear(self) -> bool:
        """Read what it says; False at the end of the line."""
        try:
            data = self.line.recv(65_536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for message in self._inbox.feed(data):
            self.worker_id = message.get("registered", self.worker_id)
            self.orderly = message.get("ended", self.orderly)
            self.failure = message.get("failed", self.failure)
        return bool(data)

    def observe(self) -> str | None:
        """Note whether it was stopped or continued; returns how it ended, None while it has not.

        `waitpid` and not `waitid`, which macOS lacks before Python 3.13; WUNTRACED and WCONTINUED: waitpid(2).
        """
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                return None
            if os.WIFSTOPPED(status):
                self.stopped = True
            elif os.WIFCONTINUED(status):
                self.stopped = False
            else:
                self._process.returncode = os.waitstatus_to_exitcode(status)  # it is reaped: Popen must not try
                return _cause(self._process.returncode)

    def last_words(self) -> None:
        """Read what it said before it ended, and close the line."""
        while self.hear() and _readable(self.line):
            pass
        self.line.close()

    def kill(self) -> None:
        """End it at once."""
        self._process.send_signal(signal.SIGKILL)


def _readable(line: socket.socket) -> bool:
    try:
        return bool(line.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK))
    except OSError:
        return False


def _cause(code: int) -> str:
    if code >= 0:
        return f"its process exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal
        name = f"signal {-code}"
    return f"its process was killed by {name}"
