"""An app in memory whose time stands still, and its ledger to be tampered with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nuvom import Nuvom
from nuvom._clock import to_us
from nuvom.testing import Memory, memory

START = datetime(2026, 3, 7, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Stage:
    """The app, its time, and a hand that may do what no service does."""

    app: Nuvom
    time: Memory
    add: Any
    fail: Any

    def tamper(self, statement: str, *parameters: object) -> None:
        database: Any = self.app.store.ledger
        with database._database.write(durable=False) as connection:
            assert connection.execute(statement, parameters).rowcount

    def lose_row(self, nominal: datetime) -> None:
        self.tamper("DELETE FROM occurrences WHERE nominal = ?", to_us(nominal))


def add(a: int = 1) -> int:
    return a


def fail() -> None:
    raise ValueError("no tape\nsecond line")


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Nuvom() as app:
        tasks = app.task(name="tasks.add")(add), app.task(name="tasks.fail", queue="slow")(fail)
        with memory(app, now=START) as time:
            yield Stage(app, time, *tasks)
