"""What commands print: JSON for programs, tables for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_SHORT = 12  # characters of a cell that is not folded
_GAP = 2
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
    """Print rows for people; on a narrow terminal the last columns are left out before any cell is cut.

    Args:
        columns: The headings, the most important first; the first column is never broken.
        rows: The cells; None is an empty one.
        empty: What is said on stderr when there are no rows.
    """
    found = list(rows)
    if not found:
        print(empty, file=sys.stderr)
        return
    screen = console()
    screen.print(table(columns, found, screen.width))


def console() -> Console:
    """Return where people read: the terminal with its width, or a wide page."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False, file=sys.stdout)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], room: int) -> Table:
    """Return rows as a table of at most `room` columns of text; see `print_table`."""
    from rich.table import Table
    from rich.text import Text

    cells = [[shown(cell) for cell in row] for row in rows]
    needed = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    kept = fitting(needed, room)
    made = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for heading, width in list(zip(columns, needed, strict=True))[:kept]:
        made.add_column(heading, overflow="fold", no_wrap=not made.columns or width <= _SHORT)
    for row in cells:
        made.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row[:kept]))
    return made


def fitting(widths: Sequence[int], room: int) -> int:
    """Return how many columns fit into `room`, where long ones but the first may be folded."""
    least = [widths[0], *(min(width, _SHORT) for width in widths[1:])]
    sums = accumulate(width + _GAP for width in least)
    return max(1, sum(total - _GAP <= room for total in sums))


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
