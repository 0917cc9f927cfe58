"""What a lost process costs the jobs that it ran: the first loss nothing, each later one a crash, until it fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nuvom._job import JobError
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Session
from nuvom.stores.postgres.endings import Endings
from nuvom.stores.postgres.throughput import count_ended
from nuvom.stores.rows import write_error


class Loss(NamedTuple):
    """How a process was lost."""

    worker: str
    kind: str  # "crash": seen dead; "lost": its lease ran out
    cause: str
    charged: bool = True  # False: none of the jobs is to blame for it


class _Lost(NamedTuple):
    seq: int
    id: bytes
    queue: str
    key: str | None
    flow: str | None
    suspect: bool
    crashes: int
    max_crashes: int


class _Cost(NamedTuple):
    """What becomes of a job."""

    fails: bool
    suspect: bool
    crashes: int
    error: str | None  # None: no attempt ended
    kept: bool  # whether the error is the job's own from now on


def lock_running(session: Session, workers: Iterable[str]) -> None:
    """Lock the keys and flows of what processes run, before its rows: who finishes a job locks in this order, too."""
    running = [_Lost._make(row) for worker in workers for row in session.rows("running_jobs", (worker,))]
    session.lock(name for row in running for name in _names(row))


def lose_jobs(session: Session, loss: Loss, endings: Endings) -> int:
    """Free the running jobs of a lost process, after `lock_running`; returns how many there were."""
    rows = [_Lost._make(row) for row in session.rows("lost_jobs", (loss.worker,))]
    if rows:
        costs = [_cost(row, loss) for row in rows]
        _charge(session, rows, costs)
        for row, cost in zip(rows, costs, strict=True):
            if cost.fails:
                endings.add(row.id, row.key, row.flow)
            else:
                endings.moved(row.flow)
    endings.end_asked(session)
    return len(rows)


def _names(row: _Lost) -> list[str]:
    named = (("key", row.key), ("flow", row.flow))
    return [f"{kind}:{name}" for kind, name in named if name is not None]


def _cost(row: _Lost, loss: Loss) -> _Cost:
    if row.max_crashes == 0:
        message = f"its process died ({loss.cause}), and max_crashes=0 forbids to run it again"
        return _Cost(True, False, 0, _error(loss, message), True)
    if not loss.charged:
        return _Cost(False, row.suspect, row.crashes, None, False)
    if not row.suspect:
        message = f"its process died ({loss.cause}); the first loss is free"
        return _Cost(False, True, row.crashes, _error(loss, message), False)
    crashes = row.crashes + 1
    message = f"{crashes + 1} processes died while they ran it, the last one: {loss.cause}"
    fails = crashes >= row.max_crashes
    return _Cost(fails, not fails, crashes, _error(loss, message), True)


def _error(loss: Loss, message: str) -> str:
    return write_error(JobError(loss.kind, message=message)).decode()


def _charge(session: Session, rows: list[_Lost], costs: list[_Cost]) -> None:
    both = list(zip(rows, costs, strict=True))
    history = [(row.seq, cost.error) for row, cost in both if cost.error is not None]
    if history:
        session.execute("insert_attempts", {**columns(("seq", "error"), history), "now": session.now_us})
    changes = (
        (row.seq, cost.fails, cost.suspect, cost.crashes, cost.error if cost.kept else None) for row, cost in both
    )
    names = ("seq", "fails", "suspect", "crashes", "error")
    session.execute("lose", {**columns(names, changes), "now": session.now_us})
    failed = [row for row, cost in both if cost.fails]
    if failed:
        session.execute("insert_untold", ([row.seq for row in failed],))
        count_ended(session, failed=[row.queue for row in failed])
