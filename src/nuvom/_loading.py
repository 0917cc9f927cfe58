"""Finding the users' tasks: modules and files named on the command line or in the settings, never by a message."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType

from nuvom._naming import make_importable, module_name
from nuvom._settings import Settings
from nuvom.errors import SettingsError

DEFAULT = "tasks.py"


def targets_of(arguments: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """Return which modules and files hold the tasks: the arguments, else the settings, else tasks.py in the root.

    Raises:
        SettingsError: none is named and there is no tasks.py.
    """
    if arguments:
        return tuple(arguments)
    if settings.tasks:
        return settings.tasks
    folder = settings.root or Path.cwd()
    if (folder / DEFAULT).is_file():
        return (str(folder / DEFAULT),)
    raise SettingsError(
        f"no tasks were named and {folder} has no {DEFAULT}; "
        "name a module or file on the command line, or set NUVOM_TASKS"
    )


def load(targets: Iterable[str], root: Path | None) -> list[ModuleType]:
    """Import the modules and files; the project's root and its src come to be importable, as under `python -m`.

    Raises:
        SettingsError: a target does not exist; errors of the user's own code pass as they are.
    """
    make_importable(root)
    return [module for target in targets for module in _load(target)]


def _load(target: str) -> list[ModuleType]:
    if "*" in target:
        return _load_pattern(target)
    if target.endswith(".py") or "/" in target:
        return [_load_file(target)]
    try:
        return [importlib.import_module(target)]
    except ModuleNotFoundError as error:
        if error.name is None or not (target == error.name or target.startswith(f"{error.name}.")):
            raise
        raise SettingsError(
            f"there is no module {target!r} to take tasks from; searched {sys.path[0] or '.'} first"
        ) from None


def _load_file(target: str) -> ModuleType:
    path = Path(target).resolve()
    if not path.is_file():
        raise SettingsError(f"there is no file {target!r} to take tasks from")
    name = module_name(path.stem, str(path))
    found = sys.modules.get(name)
    if found is not None and getattr(found, "__file__", None) == str(path):
        return found
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{target!r} is no Python file")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:  # its neighbours are importable, as when it is run as a script
        sys.path.append(str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _load_pattern(pattern: str) -> list[ModuleType]:
    head, dot, _ = pattern.partition(".")
    if not dot or "*" in head:
        raise SettingsError(f"{pattern!r}: a pattern must begin with a package, such as app.*.tasks")
    [package] = _load(head)
    walked = pkgutil.walk_packages(getattr(package, "__path__", []), f"{head}.")
    names = [info.name for info in walked if fnmatchcase(info.name, pattern)]
    if not names:
        raise SettingsError(f"no module of {head!r} fits {pattern!r}")
    return [importlib.import_module(name) for name in names]
