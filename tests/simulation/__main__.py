"""Simulate many seeds over all processors: `./run simulate`; exits 1 if one of them fails, with its trace."""

from __future__ import annotations

import argparse
import sys
import time
import warnings

from tests.simulation.many import Totals, spread
from tests.simulation.simulation import Report, simulate

SHOWN = 3  # failures that are told with their trace
TAIL = 120  # events of it


def main(*arguments: str) -> int:
    """Simulate what is asked for; 1 if a seed failed."""
    asked = parser().parse_args(arguments)
    store: str = asked.store
    if asked.seed is not None:
        return one(asked.seed, store, trace=asked.trace)
    began = time.monotonic()
    total = Totals()
    for reports in spread(range(asked.first, asked.first + asked.seeds), store):
        for report in reports:
            total.add(report)
            if report.failure and len(total.failed) <= SHOWN:
                told(simulate(report.seed, store, trace=True), TAIL)
        progress(total, asked.seeds, time.monotonic() - began)
    print(total.summary(store, time.monotonic() - began))
    return int(bool(total.failed))


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(prog="./run simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100_000, help="how many seeds (%(default)s)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first of them (%(default)s)")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--store", choices=("memory", "sqlite", "split"), default="memory", help="where (%(default)s)")
    parser.add_argument("--trace", action="store_true", help="print every event of --seed")
    return parser


def one(seed: int, store: str, *, trace: bool) -> int:
    """Simulate one seed and say how it went."""
    warnings.simplefilter("ignore")
    report = simulate(seed, store, trace=trace)
    if trace or report.failure:
        told(report, None)
    if not report.failure:
        print(f"seed {seed} on {store}: {report.events} events in {report.seconds:.1f} s of virtual time, all is well")
    return int(bool(report.failure))


def told(report: Report, tail: int | None) -> None:
    """Print the trace of a seed, what broke, and how to see it again."""
    events = report.trace if tail is None else report.trace[-tail:]
    if len(events) < len(report.trace):
        print(f"… {len(report.trace) - len(events)} events before these")
    print(*events, sep="\n")
    if report.failure:
        print(f"\nseed {report.seed} on {report.store}: {report.failure}\n{report.details}")
        print(f"replay it: {replay(report.seed, report.store)}", flush=True)


def replay(seed: int, store: str) -> str:
    """Return the command that shows a seed again."""
    return f"./run simulate --seed {seed} --store {store} --trace"


def progress(total: Totals, wanted: int, seconds: float) -> None:
    """Say on stderr how far it is."""
    if sys.stderr.isatty() or total.seeds % 1_000 == 0 or total.seeds == wanted:
        end = "\r" if sys.stderr.isatty() and total.seeds < wanted else "\n"
        text = f"{total.seeds:,} of {wanted:,} seeds, {len(total.failed)} failed, {total.seeds / seconds:.0f}/s"
        print(text, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
