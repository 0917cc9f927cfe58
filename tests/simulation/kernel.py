"""Virtual time and the processes in it: each has a thread, and exactly one thread runs at a time.

A process is code that was not written to be simulated: it sleeps and calls stores somewhere down its stack. A thread
under strict hand-over stops it there and lets it go on from there in any order, which generators would need all code
between to be rewritten for; and it needs no package. Who runs next is decided by the seed alone, never by the host.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from datetime import datetime
from random import Random
from threading import Lock

from nuvom._clock import from_us, to_us

SECOND = 1_000_000  # microseconds: what a clock counts
FOREVER = 1 << 62


class Gone(BaseException):
    """Unwinds the stack of a process that has crashed: whatever it still wants of the world is refused."""


class Broken(Exception):
    """What must hold does not; the message says what."""


class Strand(threading.Thread):
    """A thread that runs one body after another, each when it is given the turn."""

    def __init__(self) -> None:
        super().__init__(daemon=True, name="nuvom-simulated")
        self.turn = Lock()
        self.turn.acquire()
        self.body: Callable[[], None] = lambda: None

    def run(self) -> None:
        while True:
            self.turn.acquire()
            self.body()


class Time:
    """Wall and monotonic time in whole microseconds, as `VirtualClock` has them: it is read and moved at every call."""

    def __init__(self, start: datetime) -> None:
        self._wall = to_us(start)
        self._monotonic = 86_400 * SECOND
        self._boots = 1

    def now(self) -> datetime:
        return from_us(self._wall)

    def monotonic(self) -> float:
        return self._monotonic / SECOND

    def boot(self) -> str:
        return f"boot-{self._boots}"

    def advance(self, microseconds: int) -> None:
        self._wall += microseconds
        self._monotonic += microseconds

    def step(self, seconds: float) -> None:
        """Set the wall clock; no time passes."""
        self._wall += int(seconds * SECOND)

    def reboot(self) -> None:
        """Start another boot: earlier monotonic readings say nothing any more."""
        self._boots += 1
        self._monotonic = SECOND

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError("in a simulation only processes sleep")


class ReadClock:
    """The clock that services read: to read it takes a moment, so that whoever waits by reading it comes to an end."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.now = kernel.clock.now
        self.boot = kernel.clock.boot
        self._left = 50 * kernel.limit

    def monotonic(self) -> float:
        self._kernel.spend(1)
        self._left -= 1
        if self._left < 0:
            self._kernel.fail("a service runs in circles")
            raise Gone
        return self._kernel.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._kernel.clock.sleep(seconds)


_idle: list[Strand] = []  # starting a thread costs more than a whole step


class Process:
    """One process: asleep until a time or a sound, and gone once doomed."""

    def __init__(self, kernel: Kernel, name: str, body: Callable[[Process], None], wake_at: int) -> None:
        self.kernel = kernel
        self.name = name
        self.body = body
        self.wake_at = wake_at
        self.ear: threading.Event | None = None
        self.doomed = False
        self.read_at: datetime | None = None  # what it took for the time when it last asked
        self.stop: Callable[[], None] = lambda: None  # asks it to end in an orderly way
        self.ids: list[str] = []  # under which it held jobs
        self.strand = _idle.pop() if _idle else Strand()
        self.strand.body = self._live
        if not self.strand.is_alive():
            self.strand.start()

    def sleep(self, seconds: float, ear: threading.Event | None = None) -> bool:
        """Let others run until the time is over or the ear hears; True when it heard."""
        if self.doomed:
            raise Gone
        self.wake_at = self.kernel.elapsed + max(1, int(seconds * SECOND))
        self.ear = ear
        self.kernel.rest(self)
        self.ear = None
        heard = ear is not None and ear.is_set()
        if ear is not None:
            ear.clear()
        return heard

    def crash(self, why: str) -> None:
        """Die here and now."""
        self.kernel.note(self, f"crashes {why}")
        self.kernel.crashes += 1
        self.doomed = True
        raise Gone

    def _live(self) -> None:
        try:
            if not self.doomed:
                self.body(self)
        except Gone:
            pass
        except BaseException as error:  # noqa: BLE001  # whatever it is, a service must not end by it
            self.kernel.fail(f"{self.name} ended: {type(error).__name__}: {error}", traceback.format_exc())
        self.kernel.left(self)


class Kernel:
    """Who runs, and when."""

    def __init__(self, clock: Time, random: Random, limit: int) -> None:
        self.clock = clock
        self.random = random
        self.elapsed = 0  # microseconds
        self.processes: list[Process] = []
        self.ended: Callable[[Process], None] = lambda process: None
        self.trace: list[str] | None = None
        self.failure: str | None = None
        self.details = ""
        self.finished = False
        self.events = self.switches = self.crashes = 0
        self.limit = limit
        self.read_clock = ReadClock(self)
        self._main = Lock()
        self._main.acquire()

    def start(self, name: str, body: Callable[[Process], None], after: float = 0.0) -> Process:
        """Add a process that begins `after` seconds from now."""
        process = Process(self, name, body, self.elapsed + int(after * SECOND))
        self.processes.append(process)
        return process

    def run(self) -> None:
        """Let all run until one says that it is over; raises Broken with the first thing that went wrong."""
        self._next().strand.turn.release()
        self._main.acquire()
        self.finished = True
        while self.processes:
            process = self.processes[-1]
            process.doomed = True
            process.strand.turn.release()
            self._main.acquire()
        if self.failure is not None:
            raise Broken(self.failure)

    def finish(self) -> None:
        """End the run, from inside a process."""
        self.finished = True
        raise Gone

    def fail(self, what: str, details: str = "") -> None:
        """Note what went wrong first; the run ends at the next rest."""
        if self.failure is None and not (self.finished and not details):
            self.failure, self.details = what, details
            self.note(None, f"BROKEN: {what}")
        self.finished = True

    def note(self, who: Process | None, what: str) -> None:
        """Number an event, and keep it if somebody wants to read it."""
        self.events += 1
        if self.trace is not None:
            wall = self.clock.now().strftime("%d %H:%M:%S.%f")
            self.trace.append(
                f"{self.events:5d} {self.elapsed / SECOND:11.6f} {wall} {who.name if who else '-':12s} {what}"
            )
        if self.events > self.limit and not self.finished:
            self.fail(f"it does not come to rest within {self.limit} events")

    def spend(self, microseconds: int) -> None:
        """Let time pass for everybody while nobody else runs."""
        self.elapsed += microseconds
        self.clock.advance(microseconds)

    def rest(self, process: Process) -> None:
        """Give the turn to whoever is next; returns when it is this process's again."""
        if self.finished:
            self._main.release()
            process.strand.turn.acquire()
        else:
            following = self._next()
            if following is not process:
                self.switches += 1
                following.strand.turn.release()
                process.strand.turn.acquire()
        if process.doomed:
            raise Gone

    def kill(self, process: Process) -> None:
        """Doom another process: it never runs again but to unwind."""
        self.note(process, "is killed")
        self.crashes += 1
        process.doomed = True

    def left(self, process: Process) -> None:
        """Hand on the turn of a process that is over."""
        self.processes.remove(process)
        if not self.finished:
            self.ended(process)
        _idle.append(process.strand)
        (self._main if self.finished else self._next().strand.turn).release()

    def _next(self) -> Process:
        for process in self.processes:
            if process.doomed:
                return process
        ready = [p for p in self.processes if p.wake_at <= self.elapsed or (p.ear is not None and p.ear.is_set())]
        if not ready:
            earliest = min(process.wake_at for process in self.processes)
            self.spend(earliest - self.elapsed)
            ready = [process for process in self.processes if process.wake_at <= earliest]
        return ready[0] if len(ready) == 1 else self.random.choice(ready)
