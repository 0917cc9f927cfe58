"""Values that nobody means: each is refused by the name of what it was given for, before a store sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nuvom import Nuvom, ScheduleNotFound


def add(a: int) -> int:
    return a


class Broken:
    """One that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def nested() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


@pytest.fixture
def app() -> Iterator[Nuvom]:
    with Nuvom("memory://") as opened:
        opened.task(name="add")(add)
        opened.store.migrate()
        yield opened


CALLS: dict[str, Callable[[Nuvom, Any], object]] = {
    "name": lambda app, value: app.schedules.get(value, None),
    "name of a cancel": lambda app, value: app.schedules.cancel(value),
    "name of runs": lambda app, value: app.schedules.runs(value),
    "name like": lambda app, value: app.schedules.cancel_all(name=value),
    "task of schedules": lambda app, value: app.schedules.list(task=value),
    "state": lambda app, value: app.schedules.list(state=value),
    "limit": lambda app, value: app.schedules.list(limit=value),
    "limit of upcoming": lambda app, value: app.schedules.upcoming(value),
    "count": lambda app, value: app.schedules.next("a", value),
    "id": lambda app, value: app.job(value),
    "status": lambda app, value: app.jobs.list(status=value),
    "queue": lambda app, value: app.jobs.list(queue=value),
    "task": lambda app, value: app.jobs.list(task=value),
    "name of a task": lambda app, value: app.task_named(value),
    "timezone_name": lambda app, value: app.registry["add"].schedule(1, cron="0 0 * * *", timezone_name=value),
    "cron": lambda app, value: app.registry["add"].schedule(1, cron=value),
    "at": lambda app, value: app.registry["add"].schedule(1, at=value),
    "priority": lambda app, value: app.registry["add"].options(priority=value),
    "catch_up": lambda app, value: app.registry["add"].options(catch_up=value),
    "until": lambda app, value: app.drain(until=value),
    "map": lambda app, value: app.registry["add"].map([value]),
}


@pytest.mark.parametrize(
    "value", [nested(), Broken(), b"x", 10**30, "\ud800"], ids=["deep", "broken", "b", "n", "half"]
)
@pytest.mark.parametrize("call", CALLS)
def test_what_cannot_be_meant_is_refused_in_a_short_sentence(app: Nuvom, call: str, value: object) -> None:
    app.registry["add"].options(name="a").schedule(1, interval=60)
    with pytest.raises((TypeError, ValueError)) as caught:
        CALLS[call](app, value)
    assert not isinstance(caught.value, UnicodeError)
    assert len(str(caught.value)) < 400
    assert call.partition(" ")[0] in str(caught.value) + "".join(getattr(caught.value, "__notes__", ()))


def test_a_name_of_any_length_is_not_repeated_as_a_whole(app: Nuvom) -> None:
    with pytest.raises(ScheduleNotFound) as caught:
        app.schedules.get("x" * 100_000)
    assert len(str(caught.value)) < 200
    assert caught.value.key == "x" * 100_000
