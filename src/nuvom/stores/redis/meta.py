"""What a process makes sure of before it uses a server: that it can keep a store, and that this release can use it."""

from __future__ import annotations

from typing import Any, NamedTuple

from nuvom.errors import SchemaTooNew, StoreUnusable

SCHEMA = 1  # how keys are laid out; written by whoever makes a store
COMPATIBLE_FROM = 1  # a release whose own schema is lower cannot work beside this one
_OLDEST = (6, 2)  # of Redis, and what others say they are compatible with


class Version(NamedTuple):
    """What a server says it is."""

    name: str
    number: str
    compatible: str  # with which release of Redis


class Meta(NamedTuple):
    """What a store says of itself."""

    now_us: int
    schema: int
    compatible_from: int
    born: bytes  # another one than before: the server lost all that it kept


def read_version(info: dict[str, str]) -> Version:
    """Return what `INFO server` says of a version."""
    compatible = info.get("redis_version", "")
    if "valkey_version" in info:
        return Version("Valkey", info["valkey_version"], compatible)
    return Version(info.get("server_name", "Redis").capitalize(), compatible, compatible)


def read_info(answer: bytes | str) -> dict[str, str]:
    """Return what INFO answers as names and values."""
    text = answer if isinstance(answer, str) else answer.decode(errors="replace")
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in lines if colon}


def read_meta(answer: Any) -> Meta:
    """Return what look.lua answers."""
    now_us, schema, compatible_from, born = answer
    return Meta(int(now_us), int(schema), int(compatible_from), born)


def refuse_old(version: Version, location: str) -> None:
    """Raise StoreUnusable for a server that lacks what scripts need."""
    numbers = tuple(int(each) for each in version.compatible.split(".")[:2] if each.isdecimal())
    if len(numbers) == 2 and numbers < _OLDEST:
        raise StoreUnusable(
            f"{location} is {version.name} {version.number}, and a store needs Redis 6.2 or newer, or Valkey"
        )


def refuse_newer(meta: Meta, location: str) -> None:
    """Raise SchemaTooNew for a store of a release that this one cannot work beside."""
    if meta.compatible_from > SCHEMA:
        raise SchemaTooNew(
            f"{location} has schema {meta.schema}, which needs a release with schema {meta.compatible_from} or later; "
            f"this one has {SCHEMA}: upgrade nuvom here"
        )
