"""Where the demo's jobs are: a file of its own, or a schema of its own in the database that NUVOM_URL names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from nuvom._settings import masked


class Home(NamedTuple):
    """A store that is made for one run."""

    url: str
    schema: str | None = None  # what has to be dropped in the end; a file goes with the folder

    @property
    def words(self) -> str:
        """What it is, in a sentence."""
        return "one fresh SQLite file" if self.schema is None else "one fresh schema in PostgreSQL"

    def kept(self) -> str:
        """Return what stays behind where it is not dropped."""
        return "" if self.schema is None else f" and the schema {self.schema} of {masked(self.url)}"

    def drop(self) -> None:
        """Remove what does not go with the demo's folder."""
        if self.schema is not None:
            from nuvom.stores.postgres.migrations import drop

            drop(self.url)


def home(folder: Path, environ: Mapping[str, str]) -> Home:
    """Return where this run is at home.

    Args:
        folder: The demo's own.
        environ: The caller's variables. Whatever file they name is left alone; a server's is reached through them.
    """
    said = environ.get("NUVOM_URL", "")
    if not said.startswith(("postgres://", "postgresql")):
        return Home(f"sqlite:////{str(folder / 'demo.db').lstrip('/')}")
    schema = f"nuvom_demo_{uuid4().hex[:8]}"
    parts = urlsplit(said)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "schema"]
    return Home(urlunsplit(parts._replace(query=urlencode([*query, ("schema", schema)]))), schema)
