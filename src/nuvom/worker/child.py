"""One child process as its supervisor sees it: started, told, watched, gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nuvom.worker.hard_ends import HardEnd, HardEnds
from nuvom.worker.heart import Dead
from nuvom.worker.link import Inbox, Message, send

CHILD = "nuvom._child"


class Sentence(NamedTuple):
    """Why a child is killed, whether its jobs may be to blame, and those for which it is."""

    cause: str
    charged: bool
    ends: Sequence[HardEnd] = ()


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
        self.ended_at: float | None = None  # when it said that all it held has ended
        self.drained: bool = False  # nothing was left to do: no other is to take its place
        self.left: bool = False  # it ends although jobs still run in it
        self.retires: str | None = None  # why it takes no more jobs
        self.sentence: Sentence | None = None  # why it was killed
        self.ends: HardEnds = HardEnds()
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
            self._note(message, time.monotonic())
        return bool(data)

    def _note(self, message: Message, now: float) -> None:
        self.worker_id = message.get("registered", self.worker_id)
        self.left = message.get("left", self.left)
        self.drained = message.get("drained", self.drained)
        self.retires = message.get("retires", self.retires)
        self.failure = message.get("failed", self.failure)
        if "ended" in message:
            self.ended_at = now
        self.ends.hear(message, now)

    @property
    def orderly(self) -> bool:
        """Whether its end is no failure of its own."""
        return self.ended_at is not None or self.left or (self.sentence is not None and not self.sentence.charged)

    def retire(self, reason: str) -> None:
        """Let it take no more jobs."""
        self.retires = reason
        self.tell(retire=reason)

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

    def hear_all(self) -> None:
        """Read all that it has said."""
        while _readable(self.line) and self.hear():
            pass

    def kill(self, sentence: Sentence) -> None:
        """End it at once."""
        self.sentence = sentence
        os.kill(self.pid, signal.SIGKILL)  # not by Popen, which would reap it first if it has ended

    def dead(self, cause: str) -> Dead | None:
        """Say what its end means for the jobs that it may have held, None where it held none."""
        if self.worker_id is None or self.ended_at is not None:
            return None
        if self.sentence is not None:
            return Dead(self.worker_id, *self.sentence)
        if self.left:
            return Dead(self.worker_id, "its worker was stopped while it ran", charged=False)
        return Dead(self.worker_id, cause)


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
