"""What `jobs enqueue` makes of its words: values, keyword arguments and a task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from nuvom._task import Task
    from nuvom.cli.site import Site


def values(words: Iterable[str]) -> list[Any]:
    """Return the words as JSON where they are JSON, else as text."""
    return [_value(word) for word in words]


def keywords(words: Iterable[str]) -> dict[str, Any]:
    """Return `key=value` words as keyword arguments; one without `=` or said twice is refused."""
    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.isidentifier():
            raise typer.BadParameter(f"{word!r} must be KEY=VALUE, KEY a parameter's name", param_hint="--kwarg")
        if key in found:
            raise typer.BadParameter(f"{key!r} is given twice", param_hint="--kwarg")
        found[key] = _value(value)
    return found


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
