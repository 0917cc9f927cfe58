"""What commands print: JSON for programs, tables for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_WIDE = 240  # columns where nobody's terminal sets a limit
_STYLES = {
    **dict.fromkeys(("succeeded", "ok", "active", "alive", "dispatched"), "green"),
    **dict.fromkeys(("failed", "fail", "quarantined", "dead"), "red"),
    **dict.fromkeys(("running", "warn", "missed", "coalesced", "paused"), "yellow"),
    **dict.fromkeys(("cancelled", "expired", "done"), "dim"),
}


def print_json(value: Any) -> None:
    """Print one JSON value, indented."""
    import orjson

    print(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows for people; the first column is never cut or broken.

    Args:
        columns: The headings.
        rows: The cells; None is an empty one.
        empty: What is said on stderr when there are no rows.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*(Text(shown(cell), style=_STYLES.get(str(cell), "")) for cell in row))
    if not table.row_count:
        print(empty, file=sys.stderr)
        return
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDE
    Console(width=width, highlight=False, file=sys.stdout).print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print one thing, a line for each of its fields; those without a value are left out."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        if value is not None:
            lines = [shown(line) for line in str(value).splitlines()] or [""]
            print(f"{name:<{width}}  " + f"\n{' ' * width}  ".join(lines))


def as_json_text(value: Any) -> str | None:
    """Return a value as JSON in one line, None for an empty one."""
    import orjson

    return orjson.dumps(value).decode() if value else None


def shown(value: object) -> str:
    """Return a value as text that cannot steer a terminal: what is not printable is escaped."""
    text = "" if value is None else str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def counted(number: int, thing: str) -> str:
    """Return `1 job`, `2 jobs`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
