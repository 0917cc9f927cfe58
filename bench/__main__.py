"""`python -m bench [NAME…] [--json] [--scale 0.1]`: prints each figure beside the raw engine's and the target."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from bench.catalogue import BENCHES, ONLY_BY_NAME
from bench.figures import Figure, as_json, header, table


def main(arguments: Sequence[str] | None = None) -> int:
    said = _parser().parse_args(arguments)
    figures = measured(said.names or [name for name in BENCHES if name not in ONLY_BY_NAME], said.scale)
    if said.json:
        print(as_json(figures))
        return 0
    print(header(), flush=True)
    for line in table(figures):
        print(line, flush=True)
    return 0


def measured(names: Sequence[str], scale: float) -> Iterator[Figure]:
    """Run benches one after the other, and say on a terminal which one is running."""
    for name in names:
        if sys.stderr.isatty():
            print(f"… {name}", end="\r", file=sys.stderr, flush=True)
        yield from BENCHES[name](scale)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run bench", description="Nuvom beside the raw engine doing the same work in the same run."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *BENCHES], help=f"one of {', '.join(BENCHES)}")
    parser.add_argument("--json", action="store_true", help="one object of all figures, for programs")
    parser.add_argument("--scale", type=_scale, default=1.0, help="how much work, such as 0.1 for a tenth of it")
    return parser


def _scale(text: str) -> float:
    scale = float(text)
    if not 0 < scale <= 100:
        raise argparse.ArgumentTypeError(f"{text} must be above 0 and at most 100")
    return scale


if __name__ == "__main__":
    sys.exit(main())
