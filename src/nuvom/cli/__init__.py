"""The command line: `nuvom` and `python -m nuvom`."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from io import TextIOWrapper
from pathlib import Path

from nuvom.worker.signals import ends_at_once


def main() -> None:
    """Run the command that `sys.argv` holds and exit: 0 done, 1 failed or unhealthy, 2 called in a wrong way."""
    if not {"run", "runworker", "runscheduler"}.isdisjoint(sys.argv[1:]):
        ends_at_once()
    gc.disable()  # nothing that imports leave is garbage, and to look for it costs a tenth of the start
    from nuvom.cli.program import program

    gc.freeze()
    gc.enable()

    _prepare_streams()
    warnings.formatwarning = _warning
    program(prog_name="nuvom")


def _prepare_streams() -> None:
    # A stream that was closed, or whose encoding lacks a character, must not end a command in a traceback.
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  it lives as long as we do
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  as above
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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
