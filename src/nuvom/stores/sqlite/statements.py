"""The store's SQL: one file per statement, read once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> str:
    """Return the statement of `sql/<name>.sql` without the comment on top, so that SQLite parses only what it runs."""
    source = files("nuvom.stores.sqlite").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    lines = source.splitlines()
    while lines and (not lines[0].strip() or lines[0].startswith("--")):
        lines.pop(0)
    return "\n".join(lines).strip().rstrip(";")
