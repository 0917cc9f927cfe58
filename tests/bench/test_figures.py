"""What figures say to people and programs."""

from __future__ import annotations

import json

import pytest

from bench.figures import Figure, Target, as_json, at_least, at_most, header, share, table
from bench.timing import percentile


@pytest.mark.parametrize(
    ("target", "value", "raw", "met"),
    [
        (share(0.2), 20.0, 100.0, True),
        (share(0.2), 19.9, 100.0, False),
        (share(0.2), 20.0, None, False),
        (at_least(50), 50.0, None, True),
        (at_least(50), 49.0, 1.0, False),
        (at_most(2), 2.0, None, True),
        (at_most(2), 2.1, None, False),
        (None, 1.0, 1.0, None),
    ],
)
def test_a_target_is_met_by_the_value_or_by_the_share_of_raw(
    target: Target | None, value: float, raw: float | None, met: bool | None
) -> None:
    assert Figure(name="f", nuvom=value, unit="/s", raw=raw, target=target).met is met


def test_json_is_one_object_of_figures_by_name() -> None:
    figures = [
        Figure(name="drain", nuvom=50.0, unit="/s", raw=200.0, target=share(0.2), what="jobs"),
        Figure(name="idle", nuvom=0.0, unit="%"),
    ]
    assert json.loads(as_json(figures)) == {
        "drain": {
            "nuvom": 50.0, "raw": 200.0, "ratio": 0.25, "target": "≥ 0.2 × raw", "met": True, "unit": "/s",
            "what": "jobs",
        },
        "idle": {
            "nuvom": 0.0, "raw": None, "ratio": None, "target": None, "met": None, "unit": "%", "what": "",
        },
    }  # fmt: skip


def test_a_line_names_figure_raw_ratio_target_and_verdict() -> None:
    [line] = table([Figure(name="drain", nuvom=51_234.5, unit="/s", raw=204_938.0, target=share(0.2), what="jobs")])
    assert line.split() == ["drain", "51,234", "/s", "204,938", "0.25", "≥", "0.2", "×", "raw", "✓", "jobs"]
    assert line.index("jobs") == header().index("what it is")


def test_a_percentile_is_a_value_that_so_many_are_not_above() -> None:
    values = [float(each) for each in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([3.0], 0.99)) == (50.0, 99.0, 3.0)
