"""Outcomes: how claimed jobs ended, accepted only from the worker that holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from nuvom._clock import to_us
from nuvom._job import Holding, Outcome, Refused, Verdict
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Database, Session
from nuvom.stores.postgres.endings import Endings
from nuvom.stores.postgres.throughput import count_ended
from nuvom.stores.rows import write_error

_FINAL = (Verdict.SUCCEEDED, Verdict.FAILED, Verdict.CANCELLED)
_place = attrgetter("job.ref")
_HISTORIC = (Verdict.FAILED, Verdict.CANCELLED, Verdict.RETRY)


def finish(database: Database, worker: str, outcomes: Sequence[Outcome]) -> list[Refused]:
    """Record outcomes of jobs that `worker` holds; see `JobStore.finish`."""
    if not outcomes:
        return []
    if all(_is_plain(outcome) for outcome in outcomes):
        accepted = database.once(lambda session: _finish_plain(session, worker, outcomes))
    else:
        accepted = database.write(lambda session: _finish(session, worker, outcomes), durable=False)
    if len(accepted) == len(outcomes):
        return []
    kept = {id(outcome) for outcome in accepted}
    return [Refused(outcome.job.id, outcome.job.attempt, worker) for outcome in outcomes if id(outcome) not in kept]


def _is_plain(outcome: Outcome) -> bool:
    return outcome.verdict is Verdict.SUCCEEDED and outcome.job.key is None and outcome.job.flow is None


def _finish_plain(session: Session, worker: str, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """Record what nobody but those who wait for it has to be told of."""
    refs, attempts, values, errors = [], [], [], []
    for job, _, value, error, _, _ in sorted(outcomes, key=_place):  # as whoever cancels many locks them, too
        refs.append(job.ref)
        attempts.append(job.attempt)
        values.append(None if value is None else value.decode())
        errors.append(None if error is None else write_error(error).decode())
    said = {
        "ref": refs,
        "attempt": attempts,
        "value": values,
        "error": errors if any(errors) else None,
        "worker": worker,
        "now": session.database.given_now,
        "wanted": len(outcomes),
        "channel": session.database.channel,
    }
    (some, _) = session.row("finish_plain", said) or (None, 0)
    return outcomes if some is None else _first_of(outcomes, some)


def _first_of(outcomes: Iterable[Outcome], accepted: Iterable[object]) -> list[Outcome]:
    """Return the outcomes of these rows; of two for one row the first."""
    left = set(accepted)
    kept = []
    for outcome in outcomes:
        if outcome.job.ref in left:
            left.discard(outcome.job.ref)
            kept.append(outcome)
    return kept


def _finish(session: Session, worker: str, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    jobs = [outcome.job for outcome in outcomes]
    session.lock(
        [f"key:{job.key}" for job in jobs if job.key is not None]
        + [f"flow:{job.flow}" for job in jobs if job.flow is not None]
    )
    held = session.rows("hold", ([job.ref for job in jobs], [job.attempt for job in jobs], worker))
    accepted = _first_of(outcomes, (seq for (seq,) in held))
    endings = Endings()
    _record(session, accepted)
    going_on = False
    for outcome in accepted:
        if outcome.verdict in _FINAL:
            endings.add(outcome.job.id, outcome.job.key, outcome.job.flow)
        else:
            going_on = True
            endings.moved(outcome.job.flow)
    if going_on:
        endings.end_asked(session)
        session.wake("worker")  # a ready job, or a time to wake for that nobody else knows yet
    endings.apply(session)
    return accepted


def _record(session: Session, accepted: Sequence[Outcome]) -> None:
    by_verdict: dict[Verdict, list[Outcome]] = {}
    for outcome in accepted:
        by_verdict.setdefault(outcome.verdict, []).append(outcome)
    history = [outcome for outcome in accepted if outcome.verdict in _HISTORIC]
    if history:
        ended = columns(("seq", "error"), ((outcome.job.ref, _error(outcome)) for outcome in history))
        session.execute("insert_attempts", {**ended, "now": session.now_us})
    for verdict, same in by_verdict.items():
        change = _CHANGES[verdict]
        rows = (change.row(outcome, session.now_us) for outcome in same)
        session.execute(change.statement, {**columns(change.names, rows), "now": session.now_us})
    failed = by_verdict.get(Verdict.FAILED, [])
    untold = [outcome.job.ref for outcome in failed if outcome.error is not None and isinstance(outcome.job, Holding)]
    if untold:
        session.execute("insert_untold", (untold,))
    count_ended(
        session,
        succeeded=[outcome.job.queue for outcome in by_verdict.get(Verdict.SUCCEEDED, [])],
        failed=[outcome.job.queue for outcome in failed],
    )


_Row = tuple[object, ...]


def _error(outcome: Outcome) -> str | None:
    return None if outcome.error is None else write_error(outcome.error).decode()


def _succeeded(outcome: Outcome, _: int) -> _Row:
    return outcome.job.ref, None if outcome.value is None else outcome.value.decode(), _error(outcome)


def _failed(outcome: Outcome, _: int) -> _Row:
    # Errors are what the task reported; a process that died is none.
    reported = outcome.error is None or outcome.error.kind in ("error", "timeout")
    return outcome.job.ref, _error(outcome), int(reported), outcome.retries


def _cancelled(outcome: Outcome, _: int) -> _Row:
    return outcome.job.ref, _error(outcome)


def _retried(outcome: Outcome, now_us: int) -> _Row:
    return outcome.job.ref, _later(outcome, now_us), _error(outcome), outcome.retries


def _deferred(outcome: Outcome, now_us: int) -> _Row:
    return outcome.job.ref, _later(outcome, now_us)


def _put_back(outcome: Outcome, _: int) -> _Row:
    return (outcome.job.ref,)


def _later(outcome: Outcome, now_us: int) -> int:
    return now_us if outcome.run_at is None else to_us(outcome.run_at)


class _Change(NamedTuple):
    statement: str
    names: tuple[str, ...]
    row: Callable[[Outcome, int], _Row]


_CHANGES = {
    Verdict.SUCCEEDED: _Change("finish_succeeded", ("seq", "value", "error"), _succeeded),
    Verdict.FAILED: _Change("finish_failed", ("seq", "error", "reported", "retries"), _failed),
    Verdict.CANCELLED: _Change("finish_cancelled", ("seq", "error"), _cancelled),
    Verdict.RETRY: _Change("finish_retry", ("seq", "run_at", "error", "retries"), _retried),
    Verdict.DEFER: _Change("finish_defer", ("seq", "run_at"), _deferred),
    Verdict.PUT_BACK: _Change("finish_put_back", ("seq",), _put_back),
}
