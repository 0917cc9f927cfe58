"""Flows: the jobs of one kind that are limited together, of which as many become ready as concurrency and rate allow.

No job of a flow becomes ready in any other way. What ends, starts or begins to wait opens its flow in the same
transaction, so that nothing has to look for those that wait, however many they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson

from nuvom._clock import from_us
from nuvom._limits import read_rate
from nuvom.stores.sqlite.statements import load
from nuvom.stores.values import MAX_BATCH, Flow, TaskRow
from nuvom.stores.windows import GRANTED, Limits, Load, Slice, counted, opening

FAIR_EVERY = 10  # openings: then a priority has its turn whose jobs would be passed over for ever


class _Bounds(NamedTuple):
    """A row of `flows`; a flow that has none is bounded by nothing."""

    concurrency: int | None = None
    rate: str | None = None
    openings: int = 0
    starts: str | None = None
    opens_at: int | None = None
    shut_at: int | None = None

    @property
    def limits(self) -> Limits:
        """What bounds it."""
        return Limits(self.concurrency, None if self.rate is None else read_rate(self.rate))


def open_flows(connection: sqlite3.Connection, flows: Iterable[str], now_us: int) -> int:
    """Let as many of the best waiting jobs of each flow become ready as its limits allow; returns how many did."""
    return sum(_open(connection, flow, now_us) for flow in flows)


def open_due(connection: sqlite3.Connection, now_us: int, limit: int = MAX_BATCH) -> int:
    """Open the flows whose rate lets jobs start by now; returns how many jobs became ready."""
    due = connection.execute(load("due_flows"), (now_us, limit)).fetchall()
    return open_flows(connection, (flow for (flow,) in due), now_us)


def count_starts(connection: sqlite3.Connection, claimed: Mapping[str, int], now_us: int) -> int:
    """Count the jobs of these flows that start now, and open what that makes room in; returns how many became ready."""
    opened = 0
    for flow, number in claimed.items():
        row = _read(connection, flow)
        # A start takes the place that the job had while it was ready: of the bounds only these move.
        if row.rate is not None or row.concurrency is None or row.concurrency > GRANTED:
            opened += _open(connection, flow, now_us, number)
    return opened


def limit_tasks(connection: sqlite3.Connection, rows: Iterable[TaskRow], now_us: int) -> int:
    """Give the flows of tasks their new limits; returns how many jobs became ready.

    A task may have a million flows: none of its jobs may start until its flow was opened with the new limits, and those
    that are not opened here are due.
    """
    changed = False
    for row in rows:
        limits = (row.defaults.concurrency, row.defaults.rate)
        # By each of its names: a flow keeps the one that the task had when the flow was made.
        if connection.execute(load("limit_flows"), (row.name, *limits, now_us)).rowcount:
            connection.execute(load("hold_flows"), (row.name, now_us))
            changed = True
    return open_due(connection, now_us) if changed else 0


def look_at(connection: sqlite3.Connection, name: str) -> Flow | None:
    """Return how full a flow is, None where it has no row."""
    if connection.execute(load("get_flow"), (name,)).fetchone() is None:
        return None
    bounds = _read(connection, name)
    ready, running = connection.execute(load("flow_load"), (name,)).fetchone()
    opens_at = None if bounds.opens_at is None else from_us(bounds.opens_at)
    return Flow(name, bounds.concurrency, bounds.rate, ready, running, opens_at)


def is_forgettable(rate: str | None, starts: str | None, now_us: int) -> bool:
    """Tell whether a flow's row says nothing that its next job needs to know."""
    return rate is None or not counted(_starts(starts), read_rate(rate), now_us)


def _open(connection: sqlite3.Connection, flow: str, now_us: int, started: int = 0) -> int:
    row = _read(connection, flow)
    limits = row.limits
    load_ = Load(*connection.execute(load("flow_load"), (flow,)).fetchone())
    starts = () if limits.rate is None else counted(_starts(row.starts), limits.rate, now_us, started)
    room, opens_at = opening(limits, load_, starts)
    opened = _let_in(connection, flow, room, row.openings)
    if opens_at is not None and (opened < room or connection.execute(load("has_waiting"), (flow,)).fetchone() is None):
        opens_at = None
    if started or opened or opens_at != row.opens_at or (opens_at is not None and row.shut_at != now_us):
        shut_at = None if opens_at is None else now_us
        kept = orjson.dumps(starts).decode() if starts else None
        connection.execute(load("set_flow"), (flow, row.openings + (opened > 0), kept, opens_at, shut_at))
    return opened


def _let_in(connection: sqlite3.Connection, flow: str, room: int, openings: int) -> int:
    """Give the room of a flow to the best that wait for it; where it is less than none, take places back."""
    if room < 0:
        connection.execute(load("hold_back"), (flow, -room))
    if room <= 0:
        return 0
    turn, rest = divmod(openings, FAIR_EVERY)
    fair = 0
    if rest == FAIR_EVERY - 1:
        fair = len(connection.execute(load("open_priority"), (flow, turn)).fetchall())
    return fair + connection.execute(load("open_flow"), (flow, room - fair)).rowcount


def _read(connection: sqlite3.Connection, flow: str) -> _Bounds:
    row = connection.execute(load("get_flow"), (flow,)).fetchone()
    return _Bounds() if row is None else _Bounds._make(row)


def _starts(text: str | None) -> tuple[Slice, ...]:
    return () if text is None else tuple((end, count) for end, count in orjson.loads(text))
