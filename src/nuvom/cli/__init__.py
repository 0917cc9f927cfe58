"""The command line: `nuvom` and `python -m nuvom`."""

from __future__ import annotations

import sys
import warnings


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
    # What points at our own script is about what was said to it; anything else has a place in the user's code.
    place = "" if filename == sys.argv[0] else f"{filename}:{lineno}: "
    return f"nuvom: {place}{category.__name__}: {message}\n"
