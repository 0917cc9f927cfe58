"""Names schedules whose runs pile up: `overlap=allow` starts the next whatever became of those before."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable

from nuvom._clock import Clock
from nuvom._schedule import Overlap
from nuvom.stores.base import Ledger
from nuvom.stores.values import PlanItem

MOST_OPEN = 10  # open runs of one schedule that nobody wonders at
LOOK = 60.0  # seconds between looks
AGAIN = 3600.0  # seconds until a schedule is named again
AT_ONCE = 200  # schedules counted in one step, between dispatches
REMEMBERED = 10_000

log: logging.Logger = logging.getLogger("nuvom.scheduler")


class Crowding:
    """Counts, once a minute and a few at each step, the open runs of the schedules that were dispatched lately."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._lately: dict[str, str] = {}  # what to call each
        self._left: deque[tuple[str, str]] = deque()  # of this look
        self._look_at: float | None = None
        self._named: dict[str, float] = {}

    def saw(self, items: Iterable[PlanItem]) -> None:
        """Remember what was dispatched."""
        for item in items:
            envelope = item.envelope
            if item.jobs and envelope.overlap is Overlap.ALLOW and len(self._lately) < REMEMBERED:
                self._lately[envelope.id] = envelope.name or envelope.id

    def step(self) -> None:
        """Count some, if it is time."""
        if not self._lately and not self._left:
            return
        at = self._clock.monotonic()
        if self._look_at is None:
            self._look_at = at + LOOK
        if at >= self._look_at and not self._left:
            self._look_at = at + LOOK
            self._left.extend(self._lately.items())
            self._lately.clear()
            self._named = {each: named for each, named in self._named.items() if at - named < AGAIN}
        for _ in range(min(len(self._left), AT_ONCE)):
            self._count(*self._left.popleft(), at)

    def _count(self, schedule_id: str, called: str, at: float) -> None:
        if schedule_id not in self._named and self._ledger.open_runs(schedule_id, MOST_OPEN + 1) > MOST_OPEN:
            self._named[schedule_id] = at
            log.warning(
                "schedule %s has more than %d open runs: they come faster than they end; add workers, run it less "
                "often, or give it overlap='skip'",
                called,
                MOST_OPEN,
            )
