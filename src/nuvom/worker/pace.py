"""How many jobs to hold beyond the free threads: as many as will be run in 50 ms, so that none waits long."""

from __future__ import annotations

AHEAD = 0.05  # seconds of work to hold in advance
MAX_CLAIM = 600
MAX_AHEAD = 3 * MAX_CLAIM  # so that a store that takes some milliseconds for each call works while the threads do
_SLOW = 1.0  # seconds; nothing is held in advance
_SHORT = 0.0001  # seconds; about what it takes until a thread that is woken runs


class Pace:
    """The recent mean duration of jobs, and what follows from it."""

    def __init__(self) -> None:
        self._mean = _SLOW

    @property
    def short(self) -> bool:
        """Whether jobs end sooner than another thread would wake."""
        return self._mean < _SHORT

    def measure(self, jobs: int, seconds: float) -> None:
        """Count `jobs` that took `seconds` together; many weigh more than one."""
        weight = min(0.5, jobs / 20)
        self._mean += weight * (seconds / jobs - self._mean)

    def blocked(self) -> None:
        """Start anew from slow: jobs that were held in advance found no thread in time."""
        self._mean = _SLOW

    def ahead(self, threads: int) -> int:
        """Return how many jobs to hold beyond those that run."""
        return min(MAX_AHEAD, int(AHEAD * threads / max(self._mean, 1e-6)))
