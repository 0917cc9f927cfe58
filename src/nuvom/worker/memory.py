"""How much memory processes hold, and which of them hold too much."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

LOOK = 0.2 if sys.platform == "linux" else 1.0  # seconds between looks; elsewhere each starts a process
FAR = 2  # so many times its limit a process is not waited for
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}
_PAGE = os.sysconf("SC_PAGE_SIZE")


def held(pids: Sequence[int]) -> dict[int, int]:
    """Return the resident bytes of processes; one that has ended is left out.

    Linux: proc(5), statm; elsewhere ps(1), which counts in KiB.
    """
    if sys.platform == "linux":
        found = {}
        for pid in pids:
            with suppress(OSError):
                found[pid] = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
        return found
    command = ["ps", "-o", "pid=,rss=", "-p", ",".join(map(str, pids))]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    return {int(pid): int(kib) * 1024 for pid, kib in map(str.split, told.splitlines())}


def size(text: str) -> int:
    """Return a size such as "500M", "2G" or "512MiB" in bytes; raises ValueError for what is none."""
    word = text.strip().upper().removesuffix("B")
    number = word.rstrip("KMGI")
    try:
        size = int(float(number) * _UNITS[word[len(number) :]])
    except (KeyError, ValueError, OverflowError):
        size = 0
    if size <= 0:
        raise ValueError(f'{text!r} is no size; write it such as "500M", "2G" or "512MiB"')
    return size


def shown(size: int) -> str:
    """Return a size for people."""
    return f"{size / 10**6:,.0f} MB" if size >= 10**7 else f"{size / 1000:,.0f} kB"
