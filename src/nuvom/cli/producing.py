"""What commands make of their words: values, keyword arguments, times, durations and a task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from nuvom.cli.site import refusal

if TYPE_CHECKING:
    from nuvom._task import Task
    from nuvom.cli.site import Site


def values(words: Iterable[str]) -> list[Any]:
    """Return the words as JSON where they are JSON, else as text."""
    return [_value(word) for word in words]


def keywords(words: Iterable[str], option: str = "--kwarg") -> dict[str, Any]:
    """Return `key=value` words as keyword arguments; one without `=` or said twice is refused."""
    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not (key.isidentifier() if option == "--kwarg" else key):
            what = "KEY a parameter's name" if option == "--kwarg" else "KEY not empty"
            raise typer.BadParameter(f"{word!r} must be KEY=VALUE, {what}", param_hint=option)
        if key in found:
            raise typer.BadParameter(f"{key!r} is given twice", param_hint=option)
        found[key] = _value(value)
    return found


def duration(word: str | None) -> float | str | None:
    """Return a duration as the API takes it: a bare number is seconds, anything else is its text."""
    try:
        return None if word is None else float(word)
    except ValueError:
        return word


def instant(word: str, zone: str, now: datetime, option: str) -> datetime:
    """Return the instant that a time means on the clock of a zone; one that does not exist there is refused.

    Args:
        word: `now`, `03:00`, `yesterday 03:00`, a date, or a date and time, with or without an offset.
        zone: whose clock is meant where no offset is said.
        now: the store's clock.
        option: what an error calls it.
    """
    from nuvom.inquiry.question import question
    from nuvom.triggers.zones import load_zone

    try:
        meant = question(word, load_zone(zone), now)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    if meant.word is not None:
        raise typer.BadParameter(f"{word!r} is no time", param_hint=option)
    if not meant.windows:
        raise typer.BadParameter(f"{word!r} does not exist in {zone}: its clock jumps over it", param_hint=option)
    return meant.windows[0][0]


def past(word: str, now: datetime, option: str) -> datetime:
    """Return the instant that a time in UTC means, or that lies a duration such as `30d` back."""
    from nuvom._duration import to_timedelta

    try:
        return now - to_timedelta(duration(word), option)
    except ValueError:
        return instant(word, "UTC", now, option)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


@contextmanager
def wrong_use() -> Iterator[None]:
    """Turn what the API says of a value that cannot be used into one message on stderr and exit code 2."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise refusal(str(error), code=2) from None


def task_called(site: Site, name: str, targets: Sequence[str]) -> Task[..., Any, Any]:
    """Return a task by its name: from code where there is some, so that arguments are checked, else as workers told.

    Raises:
        TaskNotFound: neither knows it.
        SettingsError, TasksUnreadable: the code cannot be read.
    """
    from nuvom.cli.stores import require_present
    from nuvom.cli.tasks import app_with_tasks
    from nuvom.errors import TaskNotFound

    app, _ = app_with_tasks(site, targets, needed=bool(targets))
    if name in app.registry:
        return app.registry[name]
    near = tuple(known for known in app.registry if known.rpartition(".")[2] == name)
    if near:
        raise TaskNotFound(name, near)
    require_present(app.settings)
    return app.task_named(name)


def _value(word: str) -> Any:
    try:
        return json.loads(word, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return word


def _no_json(word: str) -> Any:
    raise ValueError(word)  # NaN and Infinity are Python's own: they stay text
