"""The store's Lua: one file for each operation, put together with the parts that it says it needs.

A script is sent once a server and named by its SHA1 afterwards; what it is made of is decided when it is first used.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple

_NEEDS = "-- needs: "


class Script(NamedTuple):
    """A script, and the name that a server gives it."""

    name: str
    source: bytes
    sha: str


@cache
def load(name: str) -> Script:
    """Return the script of `lua/<name>.lua`, after the parts that it needs and those that they need."""
    own = _file(name)
    parts: dict[str, str] = {"store": _file("parts/store")}  # the first: it names the others
    _collect(own, parts, {"store"})
    source = "\n".join([*parts.values(), own]).encode()
    return Script(name, source, sha1(source, usedforsecurity=False).hexdigest())


def _collect(source: str, parts: dict[str, str], seen: set[str]) -> None:
    """Add the parts that a source needs, in its order, each after those that it needs itself."""
    for line in source.splitlines():
        if line.startswith(_NEEDS):
            for part in line.removeprefix(_NEEDS).split(", "):
                if part not in seen:
                    seen.add(part)
                    text = _file(f"parts/{part}")
                    _collect(text, parts, seen)
                    table = part.capitalize()  # declared in store.lua
                    parts[part] = f"{table} = {{}}\n{text}" if f"function {table}." in text else text


def _file(name: str) -> str:
    return files("nuvom.stores.redis").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
