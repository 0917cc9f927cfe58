"""The default name of a task: from its file, so that a script, a module and `__main__` give the same one."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from nuvom._settings import find_root
from nuvom.errors import TaskDefinitionError, shortened

MAX_NAME = 200


def check_name(name: object, what: str) -> str:
    """Return a name that people and stores can use; raises ValueError naming `what` otherwise."""
    if not isinstance(name, str):
        raise TypeError(f"{what}={shortened(name)} must be text")
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise ValueError(f"{what}={name[:80]!r} must be 1 to {MAX_NAME} printable characters")
    return name


def check_text(value: object, what: str) -> str:
    """Return a text by which something is looked for; raises TypeError or ValueError naming `what` for what is none."""
    if not isinstance(value, str):
        raise TypeError(f"{what}={shortened(value)} must be text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{what}={shortened(value)} has {value[error.start]!r}, which is no character") from None
    return value


def default_name(function: Callable[..., Any]) -> str:
    """Return `module.qualname` of a function, the module named from its file; raises TaskDefinitionError.

    The module is found upwards through `__init__.py`, else relative to the project's root or its `src`; a file outside
    of the root keeps the name that it was imported by.
    """
    qualname = getattr(function, "__qualname__", "")
    if "<lambda>" in qualname or "<locals>" in qualname or not qualname:
        raise TaskDefinitionError(
            f"{qualname or function!r} cannot be a task: a worker finds tasks by importing their module; "
            "define it with `def` at the top level of a module"
        )
    return f"{module_name(function.__module__, source_file(function))}.{qualname}"


def source_file(function: Callable[..., Any]) -> str | None:
    """Return the file that a function was defined in, None for a prompt's."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    file: str | None = getattr(code, "co_filename", None)
    return None if file is None or file.startswith("<") else str(Path(file).resolve())


@lru_cache(maxsize=1_000)
def module_name(imported_as: str, file: str | None) -> str:
    """Return the name of the module in `file`, which was imported as `imported_as`."""
    if file is None or _installed(file):
        return imported_as
    path = Path(file)
    root = find_root(path.parent)
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    if root is None:
        return path.stem if imported_as in ("__main__", "__mp_main__") else imported_as
    if len(parts) > 1 or path.stem == "__init__":
        return ".".join(parts)
    base = root / "src" if folder.is_relative_to(root / "src") else root
    return ".".join((*folder.relative_to(base).parts, *parts))


def _installed(file: str) -> bool:
    return "site-packages" in file or file.startswith(sys.base_prefix + "/lib")


def make_importable(root: Path | None) -> None:
    """Let the modules of the project's root, by default the working directory, and of its src be imported."""
    base = root or Path.cwd()
    source = base / "src"
    for folder in (base, source) if source.is_dir() and not (source / "__init__.py").exists() else (base,):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
