"""Outcomes: how claimed jobs ended, accepted only from the worker that holds them."""

from __future__ import annotations

from collections.abc import Sequence

from nuvom._job import Outcome, Refused
from nuvom.stores.postgres.database import Database


def finish(database: Database, worker: str, outcomes: Sequence[Outcome]) -> list[Refused]:
    """Record outcomes of jobs that `worker` holds; see `JobStore.finish`."""
    raise NotImplementedError
