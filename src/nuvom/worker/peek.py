"""What no wake-up announces: delayed jobs become due, and leases of other processes run out."""

from __future__ import annotations

from typing import NamedTuple

from nuvom.stores.base import Store
from nuvom.worker.claims import LOOK

PROMOTE = 1_000
REST = 0.05  # seconds until the next peek, when something was due and others were faster
LONGEST = 1.0  # seconds: the wall clock may be set, and durations are read anew after each


class Found(NamedTuple):
    """What a peek came to: whether jobs of lost processes were freed, and whether there are more ready jobs now."""

    rescued: bool
    ready: bool


class Peek:
    """Makes delayed jobs ready and frees those of lost processes when it is time; times are monotonic seconds."""

    def __init__(self, store: Store, now: float) -> None:
        self._store = store
        self.at: float = now

    def no_later_than(self, moment: float) -> None:
        """Look then at the latest: something may have changed."""
        self.at = min(self.at, moment)

    def step(self, now: float) -> Found:
        """Look, if it is time to, and do what is due."""
        if now < self.at:
            return Found(rescued=False, ready=False)
        delayed, lease = self._store.jobs.next_wakeup()
        rescued = lease is not None and lease <= 0 and self._store.workers.rescue() > 0
        promoted = delayed is not None and delayed <= 0 and self._store.jobs.promote(PROMOTE) > 0
        rest = LOOK if rescued or promoted else REST
        ahead = [seconds if seconds > 0 else rest for seconds in (delayed, lease) if seconds is not None]
        self.at = now + min([LONGEST, *ahead])
        return Found(rescued, rescued or promoted)
