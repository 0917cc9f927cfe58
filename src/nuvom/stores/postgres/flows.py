"""Flows: jobs that are limited together, of which as many become ready as concurrency and rate allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nuvom.stores.postgres.database import Session
from nuvom.stores.values import MAX_BATCH, Flow, TaskRow


def open_flows(session: Session, flows: Iterable[str]) -> int:
    """Let as many of the best waiting jobs of each flow become ready as its limits allow; returns how many did."""
    raise NotImplementedError


def open_due(session: Session, limit: int = MAX_BATCH) -> int:
    """Open the flows whose rate lets jobs start by now; returns how many jobs became ready."""
    raise NotImplementedError


def count_starts(session: Session, claimed: Mapping[str, int]) -> int:
    """Count the jobs of these flows that start now, and open what that makes room in; returns how many became ready."""
    raise NotImplementedError


def limit_tasks(session: Session, rows: Iterable[TaskRow]) -> int:
    """Give the flows of tasks their new limits; returns how many jobs became ready."""
    raise NotImplementedError


def look_at(session: Session, name: str) -> Flow | None:
    """Return how full a flow is, None where it has no row."""
    raise NotImplementedError


def is_forgettable(rate: str | None, starts: str | None, now_us: int) -> bool:
    """Tell whether a flow's row says nothing that its next job needs to know."""
    raise NotImplementedError
