"""Where a store is: its URL taken apart into what the driver is told and what is Nuvom's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from nuvom._settings import masked
from nuvom.errors import SettingsError

DEFAULT_PREFIX = "nuvom"
DEFAULT_POOL = 10
PORT = 6379
SENTINEL_PORT = 26379

_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_TLS = ("ssl_keyfile", "ssl_certfile", "ssl_password", "ssl_ca_certs", "ssl_ca_path", "ssl_ciphers")
_REQUIREMENTS = ("none", "optional", "required")


class Layout(StrEnum):
    """How the server that takes writes is found."""

    SERVER = "server"  # it is the one that the URL names
    SENTINEL = "sentinel"  # sentinels know it
    CLUSTER = "cluster"  # it is the node that has the slot of the prefix


_USUAL = {Layout.SENTINEL: SENTINEL_PORT}  # ports; of all others PORT
_SCHEMES: dict[str, tuple[Layout, bool]] = {  # and whether it is reached through TLS
    "redis": (Layout.SERVER, False),
    "valkey": (Layout.SERVER, False),
    "rediss": (Layout.SERVER, True),
    "valkeys": (Layout.SERVER, True),
    "unix": (Layout.SERVER, False),
    "redis+sentinel": (Layout.SENTINEL, False),
    "rediss+sentinel": (Layout.SENTINEL, True),
    "redis+cluster": (Layout.CLUSTER, False),
    "rediss+cluster": (Layout.CLUSTER, True),
}


class Node(NamedTuple):
    """Where one process of the server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Address(NamedTuple):
    """A server, or how it is found, and what the keys in it begin with."""

    url: str  # for people: without a password
    prefix: bytes  # what all keys begin with: a hash tag, so that a cluster keeps them in one slot
    pool: int  # connections a process may use at once, beside the one that listens
    layout: Layout
    nodes: tuple[Node, ...]  # the server, sentinels, or some nodes of a cluster; none for a socket's file
    path: str  # of that file, else empty
    group: str  # what sentinels call the server, else empty
    tls: bool
    options: Mapping[str, Any]  # what the driver is told for each connection, the password too: never to be shown
    sentinel_options: Mapping[str, Any]  # the same for a connection to a sentinel


def parse(url: str) -> Address:
    """Take a URL apart.

    Args:
        url: `redis://user:password@host:6379/0?prefix=nuvom&pool=10`; `rediss://` for TLS, with the driver's `ssl_…`
            parameters; `unix:///path?db=0`; `redis+sentinel://host,host/name/0`; `redis+cluster://host,host`. What is
            `redis` may be called `valkey`.

    Raises:
        SettingsError: it cannot be read, or a parameter has a value that it cannot have.
    """
    taken = _taken_apart(url)
    if taken is None:
        raise SettingsError(
            f"{masked(url)!r} cannot be read: write redis://user:password@host:6379/0, with a port from 1 to 65535, "
            "and percent-encode what is special in a name or a password (/ as %2F), in UTF-8"
        )
    parts, (layout, tls), path, (user, password), nodes, pairs = taken
    _refuse_odd(url, parts, nodes)
    said = _Said(url, tls, pairs)
    said.once("username", said_before=user is not None)
    said.once("password", said_before=password is not None)
    options: dict[str, Any] = {"username": user or said.text("username"), "password": password or said.text("password")}
    options["db"], group = said.place(layout, path, is_file=parts.scheme == "unix")
    options |= said.tls_options()
    sentinel_options = {"username": said.text("sentinel_username"), "password": said.text("sentinel_password")}
    return Address(
        url=masked(url),
        prefix=f"{{{said.prefix()}}}:".encode(),
        pool=said.number("pool", DEFAULT_POOL, 1, 1_000),
        layout=layout,
        nodes=nodes,
        path=path if parts.scheme == "unix" else "",
        group=group,
        tls=tls,
        options={name: value for name, value in options.items() if value is not None},
        sentinel_options={name: value for name, value in sentinel_options.items() if value is not None},
    )


class _Taken(NamedTuple):
    parts: SplitResult
    kind: tuple[Layout, bool]
    path: str
    user: tuple[str | None, str | None]
    nodes: tuple[Node, ...]
    pairs: list[tuple[str, str]]


def _taken_apart(url: str) -> _Taken | None:
    # An error repeats what it cannot read, which may be the password: not even its context may keep one.
    with suppress(ValueError, KeyError):
        parts = urlsplit(url)
        scheme = parts.scheme.replace("valkey", "redis")
        kind = _SCHEMES[scheme]
        hosts = parts.netloc.rpartition("@")[2] if parts.netloc else "localhost"
        nodes = () if scheme == "unix" else _nodes(hosts, _USUAL.get(kind[0], PORT))
        pairs = parse_qsl(parts.query, keep_blank_values=True, errors="strict")
        return _Taken(parts, kind, _decoded(parts.path), _user(parts.netloc), nodes, pairs)
    return None


def _refuse_odd(url: str, parts: SplitResult, nodes: tuple[Node, ...]) -> None:
    if parts.fragment:
        raise SettingsError(f"{masked(url)!r}: nothing may follow a #; where it belongs to a name, write it as %23")
    if any(not node.host for node in nodes):
        raise SettingsError(f"{masked(url)!r} names no host: write redis://localhost:6379/0")
    if parts.scheme == "unix" and parts.netloc.rpartition("@")[2]:
        raise SettingsError(f"{masked(url)!r}: a socket has no host: write three slashes, unix:///run/redis/redis.sock")


class _Said:
    """What follows the question mark of a URL; a name that nobody knows, or that comes twice, is refused."""

    def __init__(self, url: str, tls: bool, pairs: Sequence[tuple[str, str]]) -> None:  # noqa: FBT001  one of two facts
        self._url = masked(url)
        self._tls = tls
        self._values = dict(pairs)
        known = ["prefix", "pool", "db", "username", "password", "sentinel_username", "sentinel_password"]
        known += [*_TLS, "ssl_cert_reqs", "ssl_check_hostname"] if tls else []
        for name in self._values:
            if name not in known:
                hint = "; write rediss:// for TLS" if name.startswith("ssl") and not tls else ""
                raise SettingsError(f"{self._url!r}: there is no parameter {name!r}, but {', '.join(known)}{hint}")
        for name, _ in pairs:
            self.once(name, said_before=[each for each, _ in pairs].count(name) > 1)

    def once(self, name: str, *, said_before: bool) -> None:
        """Refuse a parameter that is said a second time: nobody could tell which of the two holds."""
        if said_before and name in self._values:
            raise SettingsError(f"{self._url!r} says {name} twice: leave one of them out")

    def prefix(self) -> str:
        """Return what all keys begin with."""
        prefix = self._values.get("prefix", DEFAULT_PREFIX)
        if not prefix.isprintable() or set(prefix) & set("{}") or not 1 <= len(prefix.encode()) <= 100:
            raise SettingsError(
                f"{self._url!r}: prefix={prefix!r:.100} must have 1 to 100 bytes, no braces and only characters that "
                "can be seen, such as shop-test"
            )
        return prefix

    def text(self, name: str) -> str | None:
        return self._values.get(name)

    def number(self, name: str, default: int, least: int, most: int) -> int:
        said = self._values.get(name, str(default))
        if not said.isascii() or not said.isdecimal() or len(said) > 9 or not least <= int(said) <= most:
            raise SettingsError(f"{self._url!r}: {name}={said!r:.100} must be a number from {least} to {most}")
        return int(said)

    def place(self, layout: Layout, path: str, *, is_file: bool) -> tuple[int, str]:
        """Return the number of the database, and the name by which sentinels know the server."""
        group = ""
        words = [] if is_file else path.strip("/").split("/") if path.strip("/") else []
        if layout is Layout.SENTINEL:
            if not words:
                raise SettingsError(
                    f"{self._url!r} lacks the name of the server: write …/mymaster/0 after the sentinels"
                )
            group = words.pop(0)
        if is_file and len(path) < 2:
            raise SettingsError(f"{self._url!r} names no socket: write unix:///run/redis/redis.sock")
        self.once("db", said_before=bool(words))
        if words:
            self._values["db"] = words.pop(0)
        if words:
            raise SettingsError(f"{self._url!r}: after the host comes the number of a database, and nothing else")
        database = self.number("db", 0, 0, 1_000_000)
        if database and layout is Layout.CLUSTER:
            raise SettingsError(
                f"{self._url!r}: a cluster has no database {database}; use ?prefix=… to keep apps apart"
            )
        return database, group

    def tls_options(self) -> dict[str, Any]:
        """Return what the driver is told of TLS."""
        if not self._tls:
            return {}
        options: dict[str, Any] = {name: self._values[name] for name in _TLS if name in self._values}
        if (required := self._values.get("ssl_cert_reqs")) is not None:
            if required not in _REQUIREMENTS:
                raise SettingsError(f"{self._url!r}: ssl_cert_reqs={required!r} must be {', '.join(_REQUIREMENTS)}")
            options["ssl_cert_reqs"] = required
        if (checked := self._values.get("ssl_check_hostname")) is not None:
            if checked.lower() not in _TRUTH:
                raise SettingsError(f"{self._url!r}: ssl_check_hostname={checked!r} must be yes or no")
            options["ssl_check_hostname"] = _TRUTH[checked.lower()]
        return options


def _user(netloc: str) -> tuple[str | None, str | None]:
    user, _, password = netloc.rpartition("@")[0].partition(":")
    return _decoded(user) or None, _decoded(password) or None


def _decoded(said: str) -> str:
    """Return what a percent-encoded text means; raises ValueError where that is no text, or has the character NUL."""
    text = unquote(said, errors="strict")
    if "\0" in text:
        raise ValueError(said)
    return text


def _nodes(hosts: str, usual: int) -> tuple[Node, ...]:
    return tuple(_node(each, usual) for each in hosts.split(","))


def _node(said: str, usual: int) -> Node:
    """Return a host and its port; raises ValueError where that is none."""
    host, port = said, ""
    if said.startswith("["):
        host, _, port = said[1:].partition("]")
        port = port.removeprefix(":")
    elif ":" in said:
        host, _, port = said.rpartition(":")
    if ":" in host and not said.startswith("["):
        raise ValueError(said)
    if port and not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65_536):
        raise ValueError(port)
    name = _decoded(host)
    if any(character.isspace() or not character.isprintable() for character in name):
        raise ValueError(host)
    return Node(name, int(port) if port else usual)
