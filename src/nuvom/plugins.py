"""Plugins: what other distributions add by entry points, found when somebody names it and never by an import of Nuvom.

A plugin may say which protocol it was written for, on what its entry point names or in that one's module:

    nuvom_protocol = 1
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nuvom._naming import make_importable
from nuvom._settings import Settings
from nuvom.errors import NuvomError, SettingsError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["PROTOCOL", "Group", "Plugin", "Settings", "installed"]

PROTOCOL = 1  # of stores, scheduler backends and hooks; another number is another protocol


class Group(StrEnum):
    """The groups of entry points."""

    STORES = "nuvom.stores"  # a URL's scheme -> what opens such a store
    SCHEDULERS = "nuvom.schedulers"  # a name or a URL's scheme -> a class with the founding five methods
    HOOKS = "nuvom.hooks"  # a name -> a class of nuvom.Hook, or an instance of one


class Plugin(NamedTuple):
    """An entry point of an installed distribution."""

    group: Group
    name: str
    path: str  # package.module:attribute
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"plugin {self.name!r} of {self.distribution} {self.version}"

    def load(self, said: str) -> Any:
        """Return what the entry point names.

        Args:
            said: The setting and its value that named the plugin, with which a message begins.

        Raises:
            SettingsError: it cannot be imported, or speaks another protocol.
        """
        module, _, names = self.path.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for name in names.split(".") if names else ():
                found = getattr(found, name)
        except (Exception, SystemExit) as error:
            raise SettingsError(
                f"{said}: the {self} cannot be loaded from {self.path}: {told(error)}; {self._remedy(error)}"
            ) from error
        _check_protocol(found, f"{said}: the {self}", f"pip install --upgrade {self.distribution}")
        return found

    def _remedy(self, error: BaseException) -> str:
        needed = error.name if isinstance(error, ModuleNotFoundError) else None
        if needed and not _within(self.path.partition(":")[0], needed):
            return f"install what it needs: {needed}"
        return f"pip install --force-reinstall {self.distribution}, or another release of it"


def installed(group: Group) -> list[Plugin]:
    """Return the plugins of a group, by name; nothing is imported for it."""
    from importlib.metadata import entry_points

    return sorted(_plugin(group, entry) for entry in entry_points(group=group))


def _plugin(group: Group, entry: EntryPoint) -> Plugin:
    of = entry.dist
    return Plugin(group, entry.name, entry.value, of.name if of else "unknown", of.version if of else "?")


def find(group: Group, name: str, said: str) -> Plugin | None:
    """Return the plugin of a name, None where none is installed; raises SettingsError where two are."""
    found = [each for each in installed(group) if each.name == name]
    if len(found) > 1:
        owners = " and ".join(each.distribution for each in found)
        raise SettingsError(f"{said}: {name!r} belongs to {owners}; uninstall all but one of them")
    return found[0] if found else None


def lacking(group: Group, name: str) -> str:
    """Return a sentence for a name that no plugin has: which there are, and how to look."""
    names = [each.name for each in installed(group)]
    near = get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"installed: {', '.join(names)}" if names else "none is installed; `nuvom plugins list` shows what is"


def is_path(said: str) -> bool:
    """Tell whether a text has the form package.module:attribute."""
    module, colon, name = said.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), name))


def import_path(path: str, root: Path | None, said: str) -> Any:
    """Import what `package.module:attribute` names, from the project's root and its src, too.

    Raises:
        SettingsError: there is none, its module raised, or it speaks another protocol.
    """
    make_importable(root)
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and _within(module_name, error.name):
            raise SettingsError(f"{said}: there is no module {error.name!r}; searched {sys.path[0]} first") from error
        raise SettingsError(f"{said}: {module_name} cannot be imported: {told(error)}; mend it") from error
    if not hasattr(module, name):
        close = get_close_matches(name, vars(module), n=1)
        raise SettingsError(f"{said}: {module_name} has no {name}" + (f"; did you mean {close[0]}?" if close else ""))
    found = getattr(module, name)
    _check_protocol(found, f"{said}: {name}", "write it for this one")
    return found


def _within(module: str, package: str | None) -> bool:
    return f"{module}.".startswith(f"{package}.")


def _check_protocol(found: object, who: str, newer: str) -> None:
    module = sys.modules.get(getattr(found, "__module__", None) or "")
    declared = getattr(found, "nuvom_protocol", getattr(module, "nuvom_protocol", PROTOCOL))
    major = str(declared).partition(".")[0]
    if major != str(PROTOCOL):
        remedy = "upgrade Nuvom" if major.isdecimal() and int(major) > PROTOCOL else newer
        raise SettingsError(f"{who} speaks protocol {declared} of Nuvom's plugins, this release {PROTOCOL}: {remedy}")


def made(make: Callable[[], Any], call: str, said: str) -> Any:
    """Return what a plugin's own class makes of a call; raises SettingsError where that raises."""
    try:
        return make()
    except NuvomError:
        raise
    except Exception as error:
        raise SettingsError(f"{said}: {call} raised {told(error)}; mend what it is given, or the class") from error


def told(error: BaseException) -> str:
    """Return what an error of somebody's own says, in one piece."""
    return f"{type(error).__name__}: {error}".rstrip(": ")
