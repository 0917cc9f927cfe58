"""Where the demo's jobs are: a file of its own, or a place of its own on the server that NUVOM_URL names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from nuvom._settings import masked

_SERVERS = {
    "schema": ("postgres://", "postgresql"),
    "prefix": ("redis", "valkey"),
}  # by the parameter that makes a place of its own


class Home(NamedTuple):
    """A store that is made for one run."""

    url: str
    kind: str = "file"  # or what has to be dropped in the end: a `schema`, or what keys begin with, a `prefix`
    name: str = ""  # of that

    @property
    def words(self) -> str:
        """What it is, in a sentence."""
        return {
            "file": "one fresh SQLite file",
            "schema": "one fresh schema in PostgreSQL",
            "prefix": "one fresh prefix on Redis",
        }[self.kind]

    def kept(self) -> str:
        """Return what stays behind where it is not dropped."""
        return "" if self.kind == "file" else f" and the {self.kind} {self.name} of {masked(self.url)}"

    def drop(self) -> None:
        """Remove what does not go with the demo's folder."""
        if self.kind == "schema":
            from nuvom.stores.postgres.migrations import drop as drop_schema

            drop_schema(self.url)
        if self.kind == "prefix":
            from nuvom.stores.redis.removal import drop as drop_prefix

            drop_prefix(self.url)


def home(folder: Path, environ: Mapping[str, str]) -> Home:
    """Return where this run is at home.

    Args:
        folder: The demo's own.
        environ: The caller's variables. Whatever file they name is left alone; a server's is reached through them.
    """
    said = environ.get("NUVOM_URL", "")
    kind = next((kind for kind, schemes in _SERVERS.items() if said.startswith(schemes)), None)
    if kind is None:
        return Home(f"sqlite:////{str(folder / 'demo.db').lstrip('/')}")
    name = f"nuvom_demo_{uuid4().hex[:8]}"
    parts = urlsplit(said)
    query = [each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] != kind]
    return Home(urlunsplit(parts._replace(query=urlencode([*query, (kind, name)]))), kind, name)
