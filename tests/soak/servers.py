"""Services on a server that is killed, cut off and stalled, accounted for: what the soaks of all servers share.

Two schedulers and two workers serve a store through a proxy, a caller pushes all the time, and fault follows fault. In
the end all that was accepted must have run, nothing may be doubled or unexplained, every service must live, and what is
stored, from which services delete what is over, must have stopped growing.
"""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from nuvom.stores.base import Store
from nuvom.stores.registry import open_store
from nuvom.testing.conformance.examples import every
from tests.faults import invariants
from tests.faults.outages import settled
from tests.faults.proxy import Proxy
from tests.faults.services import Place, Pusher, pushing
from tests.waiting import until

KEEP = {"NUVOM_KEEP_JOBS": "20s", "NUVOM_KEEP_FAILED": "20s", "NUVOM_KEEP_OCCURRENCES": "20s"}
SERVICES = ("runscheduler", "runscheduler", "runworker", "runworker")
LEASE = 5.0
BATCH = 10  # jobs of a push
QUIET = 3.0  # seconds of work between two faults
LOOK = 2.0  # seconds between two looks at the size
GROWTH = 0.25  # how much larger the store may be in the last quarter than in the one before
USUALLY = 4.0  # seconds from the end of a fault until services work again; their pauses between tries are up to 3 s
AT_LONGEST = {"stalled for a minute": 9.0}  # its connections are given up one after the other

Fault = Callable[[], None]


class Server(Protocol):
    """A server that may be killed."""

    @property
    def url(self) -> str: ...

    def kill(self) -> None: ...

    def start(self) -> None: ...


class Soak(ABC):
    """A server, what stands before it, the services, and what was seen of them."""

    stored = "stored"  # what it is whose size is told

    def __init__(self, folder: Path, server: Server, proxy: Proxy) -> None:
        self.server = server
        self.proxy = proxy
        self.place = Place(folder, self.proxy.url, server.url, lease=LEASE)
        self.faults = Counter[str]()
        self.recoveries: list[tuple[float, str]] = []
        self.sizes: list[int] = []
        self.problems: list[str] = []

    def run(self, seconds: float) -> int:
        """Let faults follow each other for so long; returns how it ended."""
        end = time.monotonic() + seconds
        with closing(open_store(self.server.url)) as store, closing(self.proxy), self.place, self.measured():
            store.migrate()
            often = [
                store.schedules.upsert(every(0.5, store.now() + timedelta(seconds=1), task="count")) for _ in range(4)
            ]
            services = self.place.start(*SERVICES, **KEEP)
            self.place.ready(store)
            with pushing(self.server.url, batch=BATCH) as pusher:
                self.faults_until(end)
            for each in often:
                store.schedules.cancel(each.envelope.id)
            self.account(store, pusher)
            self.problems += [f"{service.log.name} has ended" for service in services if not service.lives]
            self.problems += [f"{said.log.name}: {said.said()}" for said in services if "Traceback" in said.said()]
        return self.verdict(pusher)

    def faults_until(self, end: float) -> None:
        """Let each kind of fault come once, in any order, and all of them again, until it is time to end."""
        while time.monotonic() < end:
            kinds = list(self.kinds().items())
            random.shuffle(kinds)
            for name, carry_out in kinds:
                if time.monotonic() < end:
                    self.fault(name, carry_out)

    @abstractmethod
    def kinds(self) -> dict[str, Fault]:
        """Return what may happen to the server or the way to it."""

    @abstractmethod
    def size(self) -> int | None:
        """Return how many bytes are stored, None while the server does not say."""

    def usual(self) -> dict[str, Fault]:
        """Return what may happen to every server."""
        return {
            "killed and restarted": self.kill,
            "killed and away for 5 s": lambda: self.kill(5),
            "all connections reset": lambda: self.cut(reset=True),
            "all connections closed": lambda: self.cut(reset=False),
            "refused for 5 s": self.refuse,
            "stalled for 2 s": lambda: self.stall(2),
            "stalled for a minute": lambda: self.stall(60),
        }

    def fault(self, name: str, carry_out: Fault) -> None:
        """Let one thing happen, and see how long it takes until jobs are dispatched and run again."""
        self.faults[name] += 1
        carry_out()
        began = time.monotonic()
        ran = self.ran()
        try:
            until(lambda: self.ran() > ran + BATCH, timeout=60)
        except AssertionError:
            self.problems.append(f"nothing ran for a minute after: {name}")
        took = time.monotonic() - began
        self.recoveries.append((took, name))
        print(f"{name}: work again after {took:.1f} s", flush=True)
        time.sleep(QUIET)

    def kill(self, away: float = 0.0) -> None:
        self.server.kill()
        time.sleep(away)
        self.server.start()

    def refuse(self) -> None:
        self.proxy.refuse()
        time.sleep(5)
        self.proxy.accept()

    def stall(self, seconds: float) -> None:
        self.proxy.stall()
        time.sleep(seconds)
        self.proxy.go_on()

    def cut(self, *, reset: bool) -> None:
        self.proxy.cut(reset=reset)

    def cut_at(self, statement: str) -> None:
        for when in ("before", "after"):
            cut = self.proxy.cut_at(1, when, statement)
            if not cut.came.wait(30):
                self.problems.append(f"no service said {statement!r} for half a minute")

    def ran(self) -> int:
        """Return how many bytes say which jobs ran: they only grow."""
        file = self.place.folder / "ran"
        return file.stat().st_size // 37 if file.exists() else 0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Look at how much is stored now and then meanwhile."""
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(LOOK):
                found = self.size()
                if found is not None:
                    self.sizes.append(found)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def account(self, store: Store, pusher: Pusher) -> None:
        """Wait until all is done, and say what is not as it should be."""
        try:
            until(lambda: settled(store), timeout=120, every=0.5)
        except AssertionError:
            self.problems.append(f"not all has ended: {store.jobs.counts()}")
        self.problems += invariants.violations(self.server.url)
        ran = Counter(self.place.lines("ran"))
        lost = [job for job in pusher.accepted if not ran[job]]
        self.problems += [f"{len(lost)} accepted jobs did not run, {lost[0]} for one"] if lost else []
        states = {str(status): count for status, count in store.jobs.counts().items() if count}
        self.problems += [f"jobs ended otherwise than well: {states}"] if states.keys() - {"succeeded"} else []
        self.again = sum(ran.values()) - len(ran)
        self.jobs = len(ran)

    def verdict(self, pusher: Pusher) -> int:
        """Print what was counted and what is wrong; returns the code to exit with."""
        quarter = max(1, len(self.sizes) // 4)
        before, last = self.sizes[-2 * quarter : -quarter] or [1], self.sizes[-quarter:] or [1]
        growth = max(last) / max(before) - 1
        if growth > GROWTH:
            self.problems.append(f"{self.stored} grew by {growth:.0%} from the third quarter to the last")
        for name, count in sorted(self.faults.items()):
            times = sorted(took for took, of in self.recoveries if of == name)
            print(
                f"{name:26} {count:4} times; work again after {times[len(times) // 2]:.1f} s, at most {times[-1]:.1f} s"
            )
            if times[-1] > AT_LONGEST.get(name, USUALLY):
                self.problems.append(f"{name}: {times[-1]:.1f} s until services worked again")
        unknown = sum(error.unknown for error in pusher.failures)
        print(f"{len(pusher.accepted):,} jobs accepted, {self.jobs:,} run, {self.again:,} runs repeated")
        print(f"{len(pusher.failures):,} calls failed, {unknown:,} in doubt; the longest took {pusher.longest:.1f} s")
        print(f"{self.stored}: {max(before) / 1e6:.1f} MB in the third quarter, {max(last) / 1e6:.1f} MB in the last")
        for problem in self.problems[:50]:
            print(f"WRONG: {problem}")
        print(f"{len(self.problems)} promises broken" if self.problems else "everything is accounted for")
        return int(bool(self.problems))
