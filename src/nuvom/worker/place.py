"""Where one child is to run: the child, those that retire beside it, and when the next one starts."""

from __future__ import annotations

from math import inf
from random import random

from nuvom.worker.child import Child, ChildSpec

STEADY = 5.0  # seconds that a child must live for its end to be no failure of its start
LONGEST = 10.0  # seconds between two starts of a child that does not come up
CROWD = 8  # children that retire beside one that works: while their jobs go on for long, no more follow


class Place:
    """One child at a time that takes jobs; times are monotonic seconds."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.child: Child | None = None
        self.retiring: list[Child] = []
        self.start_at: float = 0.0
        self.failures: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing was left to do here, so that none follows."""
        return self.child is None and self.start_at == inf

    @property
    def wants(self) -> float:
        """Return when its next child is to start, infinity for not yet."""
        return self.start_at if self.child is None and len(self.retiring) < CROWD else inf

    def children(self) -> list[Child]:
        """Return all that live here."""
        return self.retiring if self.child is None else [self.child, *self.retiring]

    def start(self) -> Child:
        """Start a child."""
        self.child = Child(self.spec)
        return self.child

    def succeed(self, child: Child, now: float, *, at_once: bool) -> float:
        """Make room for the successor of a child that retires; returns in how many seconds it starts.

        Not `at_once`: if the child has lived for a short time only, that is a failure of its start.
        """
        self.retiring.append(child)
        return self._vacant(now, steady=at_once or now - child.started_at >= STEADY)

    def vacate(self, child: Child, now: float) -> float | None:
        """Note that a child ended; returns in how many seconds the next one starts, None if none does for it."""
        if child in self.retiring:
            self.retiring.remove(child)
            return None
        if child.drained:
            self.child, self.start_at = None, inf
            return None
        lived = child.worker_id is not None and now - child.started_at >= STEADY
        return self._vacant(now, steady=child.orderly or lived)

    def _vacant(self, now: float, *, steady: bool) -> float:
        self.child = None
        self.failures = 0 if steady else self.failures + 1
        pause = 0.0 if steady else min(LONGEST, 0.1 * 2 ** min(self.failures - 1, 16)) * (0.5 + random() / 2)
        self.start_at = now + pause
        return pause
