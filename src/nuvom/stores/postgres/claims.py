"""Claims: ready jobs become a worker's, by one statement where no flow counts its starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter

from nuvom._clock import from_us, to_us
from nuvom._job import ClaimedJob, JobError
from nuvom.errors import StoreUnavailable
from nuvom.stores.postgres.database import Database, Row, Session
from nuvom.stores.postgres.endings import Endings
from nuvom.stores.postgres.flows import count_starts
from nuvom.stores.postgres.throughput import count_ended
from nuvom.stores.rows import ClaimedRows, write_error
from nuvom.stores.values import Claim, Order

# Places in a row of claim.sql; the first is seq, then comes the id.
_QUEUE, _PRIORITY, _RUN_AT, _ATTEMPT, _KEY, _FLOW = 4, 5, 6, 8, 14, 20
_priority, _oldest_first = itemgetter(_PRIORITY), itemgetter(_RUN_AT, 0)


class Claims:
    """The claims of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._flows = False  # whether a claim of before met flows: then the next one does not try without

    def claim(self, wanted: Claim) -> list[ClaimedJob]:
        """Turn ready jobs into running ones of `wanted.worker`; see `JobStore.claim`."""
        if wanted.limit <= 0:
            return []
        rows = self._claimed(wanted)
        if not rows:
            return []
        try:
            jobs = self._decoded(wanted.worker, rows)
            if any(job.max_crashes == 0 for job in jobs):
                # A durable commit takes those before it to disk, too.
                self._database.write(lambda session: session.execute("sync_claim", (wanted.worker,)), durable=True)
        except StoreUnavailable as error:  # the claim happened, and nobody is told what it took
            raise StoreUnavailable(str(error), unknown=True) from error
        return jobs

    def _claimed(self, wanted: Claim) -> list[Row]:
        if wanted.order is not Order.FAIR and not self._flows:
            rows = self._database.once(lambda session: _take(session, wanted, alone=True))
            if rows or self._database.read(lambda session: session.row("has_flows")) is None:
                return rows
        return self._database.write(lambda session: self._counted(session, wanted), durable=False)

    def _counted(self, session: Session, wanted: Claim) -> list[Row]:
        rows = _take(session, wanted, alone=False)
        flows = Counter(row[_FLOW] for row in rows if row[_FLOW] is not None)
        self._flows = bool(flows) or session.row("has_flows") is not None
        if flows and count_starts(session, flows):
            session.wake("worker")
        return rows

    def _decoded(self, worker: str, rows: Sequence[Row]) -> list[ClaimedJob]:
        decode = ClaimedRows(from_us(rows[-1][-1])).job
        jobs: list[ClaimedJob] = []
        for row in rows:
            try:
                jobs.append(decode(row[:-1]))
            except (ValueError, TypeError, OverflowError) as error:
                message = f"the stored row does not decode: {error}"
                self._fail(worker, row, write_error(JobError("corrupt", message=message)).decode())
        return jobs

    def _fail(self, worker: str, row: Row, error: str) -> None:
        def fail(session: Session) -> None:
            if not session.rows("hold", ([row[0]], [row[_ATTEMPT]], worker)):
                return  # a rescue was faster
            endings = Endings()
            session.execute("insert_attempts", {"seq": [row[0]], "error": [error], "now": session.now_us})
            session.execute("fail_corrupt", (session.now_us, error, row[0]))
            count_ended(session, failed=[row[_QUEUE]])
            endings.add(row[1], row[_KEY], row[_FLOW])
            endings.apply(session)

        self._database.write(fail, durable=False)


def _take(session: Session, wanted: Claim, *, alone: bool) -> list[Row]:
    parameters: dict[str, object] = {
        "worker": wanted.worker,
        "now": session.database.given_now,
        "limit": wanted.limit,
        "queues": None if wanted.queues is None else list(wanted.queues),
        "excluding": list(wanted.excluding) or None,
        "ready_by": None if wanted.ready_by is None else to_us(wanted.ready_by),
        "alone": alone,
    }
    if wanted.order is Order.SUSPECT:
        return session.rows("claim_suspect", parameters)
    heads: list[Row] = []
    if wanted.order is Order.FAIR:
        heads = session.rows("claim_heads", parameters)
        heads.sort(key=_oldest_first)
        parameters["limit"] = wanted.limit - len(heads)
    return heads + _take_best(session, wanted, parameters)


def _take_best(session: Session, wanted: Claim, parameters: dict[str, object]) -> list[Row]:
    if not parameters["limit"]:
        return []
    if wanted.queues is not None and len(wanted.queues) == 1:
        rows = session.rows("claim_queue", {**parameters, "queue": wanted.queues[0]})
    else:
        rows = session.rows("claim", parameters)
    rows.sort(key=_oldest_first)
    rows.sort(key=_priority, reverse=True)  # equals keep their order
    return rows
