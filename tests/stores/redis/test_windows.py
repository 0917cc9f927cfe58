"""The arithmetic of flows is written twice, in Python and in Lua: both say the same of anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files

import orjson
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import redis
from nuvom._limits import Rate
from nuvom.stores.windows import Limits, Load, Opening, Slice, counted, opening

PARTS = files("nuvom.stores.redis").joinpath("lua", "parts")
NOW = 1_772_366_400_000_000  # microseconds
DRIVER = """
local said = cjson.decode(ARGV[2])
local starts = said.starts
if said.rate then
  starts = Windows.counted(starts, said.rate, said.now, said.more)
end
local room, opens_at = Windows.opening(said.concurrency, said.rate, said.ready, said.running, starts)
local texts = {}
for number, slice in ipairs(starts) do
  texts[number] = {int(slice[1]), int(slice[2])}
end
return {texts, int(room), opens_at and int(opens_at) or ''}
"""

rates = st.none() | st.builds(Rate, st.integers(1, 1_000_000), st.integers(100_000, 36_500 * 86_400 * 1_000_000))
counts = st.integers(1, 2_000)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Limits, Load, tuple[Slice, ...], int]:
    """Limits, what is in the flow, starts around now (some lie ahead), and how many start now."""
    rate = draw(rates)
    around = (rate.period if rate else 1_000_000) * 2
    ends = draw(st.lists(st.integers(NOW - around, NOW + around), max_size=60, unique=True))
    starts = tuple((end, draw(counts)) for end in sorted(ends))
    concurrency = draw(st.none() | st.integers(1, 3_000))
    load = Load(draw(st.integers(0, 1_000)), draw(st.integers(0, 3_000)))
    return Limits(concurrency, rate), load, starts if rate else (), draw(st.integers(0, 500))


@pytest.fixture(scope="module")
def client(redis_server: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_server)) as opened:
        yield opened


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(situation=situations())
def test_the_server_counts_starts_and_room_as_the_other_stores_do(
    client: redis.Redis, situation: tuple[Limits, Load, tuple[Slice, ...], int]
) -> None:
    limits, load, starts, more = situation
    if limits.rate is not None:
        starts = counted(starts, limits.rate, NOW, more)
    assert by_the_server(client, *situation) == (starts, opening(limits, load, starts))


def by_the_server(
    client: redis.Redis, limits: Limits, load: Load, starts: tuple[Slice, ...], more: int
) -> tuple[tuple[Slice, ...], Opening]:
    said = {
        "starts": starts,
        "rate": None if limits.rate is None else limits.rate._asdict(),
        "concurrency": limits.concurrency,
        "ready": load.ready,
        "running": load.running,
        "now": NOW,
        "more": more,
    }
    store, windows = (PARTS.joinpath(f"{name}.lua").read_text() for name in ("store", "windows"))
    script = f"{store}\nWindows = {{}}\n{windows}\n{DRIVER}"
    given_ = orjson.dumps({name: value for name, value in said.items() if value is not None})
    texts, room, opens_at = client.eval(script, 1, "{windows}:", "", given_)
    found = tuple((int(end), int(count)) for end, count in texts)
    return found, Opening(int(room), int(opens_at) if opens_at else None)
