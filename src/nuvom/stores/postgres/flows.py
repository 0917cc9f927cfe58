"""Flows: the jobs of one kind that are limited together, of which as many become ready as concurrency and rate allow.

No job of a flow becomes ready in any other way. What ends, starts or begins to wait opens its flow in the same
transaction, under the lock of the flow's name, so that nothing has to look for those that wait, however many they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from nuvom._clock import from_us
from nuvom._limits import read_rate
from nuvom.stores.postgres.columns import columns
from nuvom.stores.postgres.database import Session
from nuvom.stores.values import MAX_BATCH, Flow, TaskRow
from nuvom.stores.windows import GRANTED, Limits, Load, Slice, counted, opening

FAIR_EVERY = 10  # openings: then a priority has its turn whose jobs would be passed over for ever
_SAID = 1_000  # flows of which each is locked by its name; beyond that all names are


class _Found(NamedTuple):
    """A row of flow_load.sql; a flow that is not `kept` is bounded by nothing."""

    now: int  # after its lock was got: starts that others counted meanwhile do not lie ahead
    flow: str
    kept: bool
    concurrency: int | None
    rate: str | None
    openings: int
    starts: str | None
    opens_at: int | None
    shut_at: int | None
    ready: int
    running: int
    waiting: bool


class _Opened(NamedTuple):
    """How far a flow is open, and what is to be kept of that."""

    found: _Found
    room: int
    opens_at: int | None
    starts: tuple[Slice, ...]


def open_flows(session: Session, flows: Iterable[str]) -> int:
    """Let as many of the best waiting jobs of each flow become ready as its limits allow; returns how many did."""
    return _open(session, list(dict.fromkeys(flows)), {})


def open_due(session: Session, limit: int = MAX_BATCH) -> int:
    """Open the flows whose rate lets jobs start by now; returns how many jobs became ready."""
    return open_flows(session, [flow for (flow,) in session.rows("due_flows", (session.now_us, limit))])


def count_starts(session: Session, claimed: Mapping[str, int]) -> int:
    """Count the jobs of these flows that start now, and open what that makes room in; returns how many became ready."""
    # A start takes the place that the job had while it was ready: where only concurrency bounds a flow nothing moves.
    settled = {flow for (flow,) in session.rows("settled_flows", ([*claimed], GRANTED))}
    return _open(session, [flow for flow in claimed if flow not in settled], claimed)


def limit_tasks(session: Session, rows: Iterable[TaskRow]) -> int:
    """Give the flows of tasks their new limits; returns how many jobs became ready.

    A task may have a million flows: none of its jobs may start until its flow was opened with the new limits, and those
    that are not opened here are due. Who pushes jobs of a task with other limits has its row, which was changed before.
    """
    limits = columns(
        ("task", "concurrency", "rate"), ((row.name, row.defaults.concurrency, row.defaults.rate) for row in rows)
    )
    changing = session.rows("changing_flows", {**limits, "limit": _SAID})
    if not changing:
        return 0
    if len(changing) < _SAID:
        session.lock(f"flow:{flow}" for (flow,) in changing)
    else:
        session.lock_all()
    session.execute("limit_flows", {**limits, "now": session.now_us})
    session.execute("hold_flows", {"task": limits["task"], "now": session.now_us})
    return open_due(session)


def look_at(session: Session, name: str) -> Flow | None:
    """Return how full a flow is, None where it has no row."""
    [found] = _load(session, [name])
    opens_at = None if found.opens_at is None else from_us(found.opens_at)
    return Flow(name, found.concurrency, found.rate, found.ready, found.running, opens_at) if found.kept else None


def is_forgettable(rate: str | None, starts: str | None, now_us: int) -> bool:
    """Tell whether a flow's row says nothing that its next job needs to know."""
    return rate is None or not counted(_starts(starts), read_rate(rate), now_us)


def _load(session: Session, flows: Sequence[str]) -> list[_Found]:
    return [_Found._make(row) for row in session.rows("flow_load", (flows, session.database.given_now))]


def _open(session: Session, flows: Sequence[str], started: Mapping[str, int]) -> int:
    if not flows:
        return 0
    session.lock(f"flow:{flow}" for flow in flows)
    opened = [_opening(found, started.get(found.flow, 0)) for found in _load(session, flows)]
    let_in = _let_in(session, opened)
    kept = []
    for each in opened:
        number = let_in.get(each.found.flow, 0)
        opens_at = each.opens_at if number == max(each.room, 0) and (number or _waits(each)) else None
        if started.get(each.found.flow) or number or opens_at != each.found.opens_at or _outdated(each, opens_at):
            starts = orjson.dumps(each.starts).decode() if each.starts else None
            kept.append((each.found.flow, each.found.openings + (number > 0), starts, opens_at, each.found.now))
    if kept:
        session.execute("set_flows", columns(("flow", "openings", "starts", "opens_at", "now"), kept))
    return sum(let_in.values())


def _opening(found: _Found, started: int) -> _Opened:
    limits = Limits(found.concurrency, None if found.rate is None else read_rate(found.rate))
    starts = () if limits.rate is None else counted(_starts(found.starts), limits.rate, found.now, started)
    room, opens_at = opening(limits, Load(found.ready, found.running), starts)
    return _Opened(found, room, opens_at, starts)


def _waits(opened: _Opened) -> bool:
    """Tell whether a job waits for a flow that let none in."""
    return opened.found.waiting or opened.room < 0


def _outdated(opened: _Opened, opens_at: int | None) -> bool:
    return opens_at is not None and opened.found.shut_at != opened.found.now


def _let_in(session: Session, opened: Iterable[_Opened]) -> dict[str, int]:
    """Give the room of each flow to the best that wait for it; where it is less than none, take places back."""
    excess = [(each.found.flow, -each.room) for each in opened if each.room < 0]
    if excess:
        session.execute("hold_back", columns(("flow", "excess"), excess))
    room = {each.found.flow: each.room for each in opened if each.room > 0 and each.found.waiting}
    turns = [
        (each.found.flow, each.found.openings // FAIR_EVERY)
        for each in opened
        if each.found.flow in room and each.found.openings % FAIR_EVERY == FAIR_EVERY - 1
    ]
    fair = [flow for (flow,) in session.rows("open_priority", columns(("flow", "turn"), turns))] if turns else []
    let_in = dict.fromkeys(fair, 1)
    rest = [(flow, number - let_in.get(flow, 0)) for flow, number in room.items() if number > let_in.get(flow, 0)]
    if rest:
        for flow, number in session.rows("open_flow", columns(("flow", "room"), rest)):
            let_in[flow] = let_in.get(flow, 0) + number
    return let_in


def _starts(text: str | None) -> tuple[Slice, ...]:
    return () if text is None else tuple((end, count) for end, count in orjson.loads(text))
