"""Other processes of these tests: each runs a piece of Python of its own, for real."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

_START = """
import os, signal, sqlite3, sys
from datetime import UTC, datetime
from pathlib import Path
from nuvom._clock import SYSTEM_CLOCK
from nuvom._ids import new_id
from nuvom._job import NewJob
from nuvom.errors import *
from nuvom.stores.registry import open_store

path = Path(sys.argv[1])

def job():
    return NewJob(id=new_id(datetime.now(UTC)), task="tasks.send", arguments=b"[[],{}]")

def store(**said):
    return open_store(f"sqlite:///{path}", **said)
"""


def start(code: str, path: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start Python on `code`, which finds the store's path as `path` and makes jobs and stores by `job` and `store`."""
    return subprocess.Popen(
        [sys.executable, "-c", _START + dedent(code), str(path), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for a process that must end with `code`; returns what it printed."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    return out.strip()


def run(code: str, path: Path, *arguments: object) -> str:
    """Run Python on `code` and return what it printed."""
    return finish(start(code, path, *arguments))
