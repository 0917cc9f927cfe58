"""Where the demo is at home: files of its own, or places of its own on the servers that the caller's variables name."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from nuvom._settings import masked
from nuvom.stores.registry import names_store

_SERVERS = {
    "schema": ("postgres://", "postgresql"),
    "prefix": ("redis", "valkey"),
}  # by the parameter that makes a place of its own


class Home(NamedTuple):
    """A store that is made for one run."""

    url: str
    kind: str = "file"  # or what has to be dropped in the end: a `schema`, or what keys begin with, a `prefix`
    name: str = ""  # of that
    schedules: Home | None = None  # where they are elsewhere than the jobs
    backend: str | None = None  # or the backend of five methods that has them

    @property
    def words(self) -> str:
        """What it is, in a sentence."""
        own = {
            "file": "one fresh SQLite file",
            "schema": "one fresh schema in PostgreSQL",
            "prefix": "one fresh prefix on Redis",
        }[self.kind]
        return own if self.schedules is None else f"{own} for jobs and {self.schedules.words} for schedules"

    @property
    def variables(self) -> dict[str, str]:
        """The settings of whoever works here, and where a class of the caller's is imported from, as it is here."""
        own = {"NUVOM_URL": self.url} | ({} if self.scheduler is None else {"NUVOM_SCHEDULER": self.scheduler})
        return own if self.backend is None else own | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    @property
    def scheduler(self) -> str | None:
        """What NUVOM_SCHEDULER is here."""
        return self.backend if self.schedules is None else self.schedules.url

    def kept(self) -> str:
        """Return what stays behind where it is not dropped."""
        own = "" if self.kind == "file" else f" and the {self.kind} {self.name} of {masked(self.url)}"
        return own if self.schedules is None else own + self.schedules.kept()

    def drop(self) -> None:
        """Remove what does not go with the demo's folder."""
        if self.schedules is not None:
            self.schedules.drop()
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
        environ: The caller's variables. Whatever files they name are left alone; servers are reached through them.
    """
    jobs, schedules = _home(folder / "demo.db", environ.get("NUVOM_URL", "")), environ.get("NUVOM_SCHEDULER", "")
    if not names_store(schedules):  # a backend of five methods knows no place of its own
        return jobs._replace(backend=schedules or None)
    return jobs._replace(schedules=_home(folder / "schedules.db", schedules))


def _home(file: Path, said: str) -> Home:
    kind = next((kind for kind, schemes in _SERVERS.items() if said.startswith(schemes)), None)
    if kind is None:
        return Home(f"sqlite:////{str(file).lstrip('/')}")
    name = f"nuvom_demo_{uuid4().hex[:8]}"
    parts = urlsplit(said)
    query = [each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] != kind]
    return Home(urlunsplit(parts._replace(query=urlencode([*query, (kind, name)]))), kind, name)
