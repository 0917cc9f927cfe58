"""Real services under conditions that a test cannot have everywhere: `./run soak NAME`; exits 1 if a promise broke."""

from __future__ import annotations

import sys

from tests.soak import clocks, postgres, processes, redis

SOAKS = {
    "clocks": clocks.main,
    "recycles": processes.recycles,
    "memory": processes.memory,
    "postgres": postgres.main,
    "redis": redis.main,
}


def main(name: str = "", *arguments: str) -> int:
    if name in SOAKS:
        return SOAKS[name](*arguments)
    print(f"usage: ./run soak {'|'.join(SOAKS)} [ARGUMENTS]", file=sys.stderr)
    return 2


sys.exit(main(*sys.argv[1:]))
