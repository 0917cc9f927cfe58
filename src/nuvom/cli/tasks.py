"""The users' code, imported as it is named; where it raises, the part of the traceback that is theirs is shown."""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nuvom import _loading, _settings
from nuvom.cli.stores import refuse_private
from nuvom.errors import SettingsError, TasksUnreadable

if TYPE_CHECKING:
    from nuvom._app import Nuvom
    from nuvom.cli.site import Site

T = TypeVar("T")
# Frames of ours and of the import system say nothing about somebody's tasks.
_OURS = (str(Path(__file__).resolve().parents[1]) + os.sep, importlib.__file__, "<frozen importlib")


def import_app(path: str) -> Nuvom:
    """Return the app that `package.module:name` names.

    Raises:
        SettingsError: there is none.
        TasksUnreadable: its module raised.
    """
    from nuvom._app import Nuvom

    module_name, colon, name = path.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module_name.split("."), name)):
        raise SettingsError(f"--app {path!r} must be MODULE:APP, such as shop.tasks:app")
    [module] = own_code(module_name, partial(_loading.load, [module_name], _settings.find_root(Path.cwd())))
    app = getattr(module, name, None)
    if not isinstance(app, Nuvom):
        found = [key for key, value in vars(module).items() if isinstance(value, Nuvom)]
        hint = f"it has {', '.join(found)}" if found else "make one there: app = nuvom.Nuvom()"
        raise SettingsError(f"--app {path!r}: {module_name} has no app {name!r}; {hint}")
    return app


def app_with_tasks(site: Site, arguments: Sequence[str], *, needed: bool) -> tuple[Nuvom, tuple[str, ...]]:
    """Import the tasks that were named, those of the settings, or tasks.py; returns their app and where they came from.

    Raises:
        SettingsError: a target does not exist, or none was found and one is needed.
        TasksUnreadable: the user's code raised.
    """
    app = site.code_app()
    # Not the app's own settings: reading those is its first use, and the tasks' code may configure it.
    settings = _settings.load({}, url=site.url or "memory://")
    try:
        targets = _loading.targets_of(arguments, settings)
    except SettingsError:
        if needed and not app.registry:
            raise
        targets = ()
    if targets:
        load_tasks(app, targets, settings.root)
    site.direct(app)
    refuse_private(app.settings)
    return app, targets


def insist(app: Nuvom, settings: Mapping[str, Any]) -> None:
    """Let an app use settings, whatever its tasks' code says.

    Raises:
        SettingsError: that code used another store while it was imported.
    """
    try:
        app.configure(**settings)
    except SettingsError:  # it was used: with these settings, if they were said before the code was imported
        if app.settings.url != settings.get("url"):
            raise


def load_tasks(app: Nuvom, targets: Sequence[str], root: Path | None) -> tuple[str, ...]:
    """Import modules and files of tasks; returns the names of the tasks that the app then has.

    Raises:
        SettingsError: a target does not exist, or no task came of them.
        TasksUnreadable: the user's code raised.
    """
    for target in targets:
        own_code(target, partial(_loading.load, [target], root))
    names = tuple(sorted({task.name for task in app.registry.values()}))
    if not names:
        raise SettingsError(
            f"{' '.join(targets) or 'the app'} has no task: put @nuvom.task above a function there, "
            "or name the app that they belong to with --app MODULE:APP"
        )
    return names


def own_code(what: str, imported: Callable[[], T]) -> T:
    """Import code of the user's; raises TasksUnreadable with its own part of the traceback where it raises."""
    try:
        return imported()
    except SettingsError as error:
        if error.__traceback__ is not None and _own_frames(error):
            raise TasksUnreadable(what, _relevant(error)) from error
        raise
    except (Exception, SystemExit) as error:
        raise TasksUnreadable(what, _relevant(error)) from error


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_OURS)]


def _relevant(error: BaseException) -> str:
    frames = _own_frames(error)
    head = ["Traceback (most recent call last):\n", *traceback.format_list(frames)] if frames else []
    return "".join([*head, *traceback.format_exception_only(error)]).rstrip()
