"""What a seed stands for: how many processes, which rare branches, what goes wrong and how often."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.simulation.faults import Odds


@dataclass
class Scenario:
    """The draw of one seed."""

    schedulers: int
    workers: int
    callers: int
    calls: int  # of each caller
    between: float  # seconds between them, at most
    unit: float  # the shortest interval of a schedule, in seconds
    lease: float
    grace: float
    threads: int
    first: int
    batch: int
    deadly: float
    troubles: int  # what happens to the host and its processes from outside
    far: bool  # whether the wall clock may jump by a day
    jump: float  # seconds by which it may be set otherwise
    released: float  # how often somebody tells the store at once that a worker died
    odds: Odds


def draw(random: Random) -> Scenario:
    """Draw a scenario."""
    far = random.random() < 0.06
    lease = random.choice((3.0, 9.0, 30.0))
    busy = random.choice((0.0, 0.01, 0.03))  # how much goes wrong at calls
    odds = Odds(
        crash=busy * random.choice((0.0, 0.5)),
        fail=busy * random.choice((0.0, 0.5)),
        unknown=busy * random.choice((0.0, 1.0)),
        pause=random.choice((0.0, 0.01, 0.03)),
        meet=random.choice((0.0, 0.3, 0.6)),
        longest=lease * random.choice((0.5, 1.5, 3.0)),
        deaf=random.choice((0.0, 0.0, 0.2)),
        startled=random.choice((0.0, 0.0, 0.1)),
        late=max(2.0, lease * random.choice((0.3, 0.6, 1.0))),
        slow=random.choice((10, 200, 5_000)),
    )
    batch = random.choice((1, 2, 1_000))
    unit = random.choice((600.0, 1800.0)) if far else random.choice((2.0, 5.0, 10.0))
    return Scenario(
        schedulers=random.choice((1, 2, 2, 3)),
        workers=random.choice((1, 2, 2, 3)),
        callers=random.choice((1, 2)),
        calls=random.randint(3, 10),
        between=random.choice((0.1, 1.0, 3.0)),
        unit=unit,
        lease=lease,
        grace=random.choice((0.0, 1.0)),
        threads=random.choice((1, 2, 4)),
        first=random.choice((1, batch)),
        batch=batch,
        deadly=random.choice((0.0, 0.0, 0.3)),
        troubles=random.choice((0, 1, 2, 4)),
        far=far,
        jump=300.0 if unit >= 10.0 else 40.0,
        released=random.choice((0.0, 0.8)),
        odds=odds,
    )
