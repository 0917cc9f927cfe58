"""The store's SQL: one file per statement, read once, its schema and its parameters as the driver wants them."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_SCHEMA = re.compile(r"\bnuvom\.")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")


class Statement(NamedTuple):
    """A statement with PostgreSQL's own placeholders, and what goes into them in their order."""

    sql: bytes
    names: tuple[str, ...]  # of `:name` parameters; empty where the file says `$1`


@cache
def load(name: str, schema: str) -> Statement:
    """Return the statement of `sql/<name>.sql` for the tables of a schema.

    Args:
        name: of the file.
        schema: what stands for `nuvom.` in it, quoted as an identifier.
    """
    lines = source("sql", name).splitlines()
    while lines and (not lines[0].strip() or lines[0].startswith("--")):
        lines.pop(0)
    names: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        return f"${names.setdefault(found[1], len(names) + 1)}"

    sql = _PARAMETER.sub(place, "\n".join(lines).strip().rstrip(";"))
    return Statement(in_schema(sql, schema).encode(), tuple(names))


def in_schema(sql: str, schema: str) -> str:
    """Return SQL that was written for the schema `nuvom` as it reads for another one."""
    return _SCHEMA.sub(lambda _: f"{schema}.", sql)


def source(folder: str, name: str) -> str:
    """Return a file of this package."""
    return files("nuvom.stores.postgres").joinpath(folder, f"{name}.sql").read_text(encoding="utf-8")
