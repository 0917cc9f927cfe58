"""The command line: `nuvom` and `python -m nuvom`."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path


def main() -> None:
    """Run the command that `sys.argv` holds and exit: 0 done, 1 failed or unhealthy, 2 called in a wrong way."""
    from nuvom.cli.program import program

    warnings.formatwarning = _warning
    program(prog_name="nuvom")


def _warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,  # noqa: ARG001 - what warnings calls
) -> str:
    # What points at the parser of our commands is about what was said to them; the rest has a place in the user's code.
    parser = sys.modules["typer"].__file__ or ""
    place = "" if Path(filename).is_relative_to(Path(parser).parent) else f"{filename}:{lineno}: "
    return f"nuvom: {place}{category.__name__}: {message}\n"
