"""Ears of the stores that are servers: sleepers of one process, who are told together by whoever listens for them."""

from __future__ import annotations

import math
import select
import threading
import time
from typing import Protocol
from uuid import uuid4


class Told(Protocol):
    """Whoever listens for the ears of a process."""

    def attend(self) -> float:
        """See to it that somebody listens; returns after how many seconds a sleeper looks by itself."""
        ...

    def forget(self, ear: Ear) -> None:
        """Wake an ear no more."""
        ...


class Ear:
    """One sleeper's ear, a `nuvom.stores.base.Listener`.

    Args:
        hub: who listens for it.
        kind: of what it hears, beside what is meant for its address alone.
    """

    def __init__(self, hub: Told, kind: str) -> None:
        self.kind: str = kind
        self.address: str = uuid4().hex
        self._hub = hub
        self._looked = time.monotonic()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Leave behind what a thread may hold that is not in this process."""
        self._heard = threading.Event()

    def wait(self, timeout: float) -> bool:
        """Sleep at most `timeout` seconds; True when something may have happened, or it is time to look."""
        period = self._hub.attend()
        began = time.monotonic()
        left = max(0.0, self._looked + period - began)
        if self._heard.wait(min(timeout, left)):
            self._heard.clear()
        elif timeout < left:
            return False
        self._looked = time.monotonic()
        return True

    def wake(self) -> None:
        """End the wait from another thread."""
        self._heard.set()

    def close(self) -> None:
        """Give up the address."""
        self._hub.forget(self)


def readable(files: list[int], seconds: float) -> list[int]:
    """Return which of some files can be read, after at most `seconds`."""
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return [file for file, _ in poll.poll(max(0, math.ceil(seconds * 1_000)))]
