"""Deleting what is older than it is kept for, in small steps.

Each step is one script that looks at a page and deletes what is old enough of it. Where the sweep stands is kept in the
object; one that is lost with its process begins anew and does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

from nuvom.stores.redis.database import Database
from nuvom.stores.redis.forgetting import forget_fences, forget_occurrences
from nuvom.stores.retention import Cutoffs
from nuvom.stores.values import Retention

_PAGE = 500  # jobs a step: a script of some milliseconds


class Pruner:
    """The sweep of one process through a store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._restart()

    def step(self, keep: Retention) -> bool:
        """Delete among the next of each kind what is older than `keep` says; True while there is more to look at."""
        cutoffs = Cutoffs.of(keep, self._database.now_us())
        while self._left:
            if self._left[0](cutoffs):
                return True
            self._left.pop(0)
        self._restart()
        return False

    def _restart(self) -> None:
        self._job = b"0"
        self._queue = b"0"
        self._occurrence = ""
        self._fence = b"0"
        self._flow = b""
        self._left: list[Callable[[Cutoffs], bool]] = [
            self._jobs,
            self._occurrences,
            self._fences,
            self._rest,
            self._queues,
            self._flows,
        ]

    def _jobs(self, cutoffs: Cutoffs) -> bool:
        """Look at the next jobs; True when there may be more that are old enough."""
        self._job = self._database.write("prune_jobs", self._job, _PAGE, cutoffs.jobs, cutoffs.failed)
        return self._job != b""

    def _occurrences(self, cutoffs: Cutoffs) -> bool:
        """Look at the next rows of the ledger; True when there are more."""
        self._occurrence = forget_occurrences(self._database, self._occurrence, cutoffs)
        return self._occurrence != ""

    def _fences(self, cutoffs: Cutoffs) -> bool:
        """Look at the next fences; True when there are more."""
        self._fence = forget_fences(self._database, self._fence, cutoffs)
        return self._fence != b"0"

    def _rest(self, _: Cutoffs) -> bool:
        """Finish what a pause of all schedules left to be written; True when there may be more."""
        return bool(self._database.write("rest_schedules", _PAGE))

    def _queues(self, _: Cutoffs) -> bool:
        """Look at the next queues; True when there are more."""
        self._queue = self._database.write("prune_queues", self._queue)
        return self._queue != b"0"

    def _flows(self, _: Cutoffs) -> bool:
        """Look at the next flows; True when there are more."""
        self._flow = self._database.write("forget_flows", self._flow, _PAGE)
        return self._flow != b""
