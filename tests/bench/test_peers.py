"""What is made of what a peer's process says, and of one that cannot be had; no peer is installed here."""

from __future__ import annotations

from subprocess import CompletedProcess

import pytest

from bench.__main__ import main
from bench.peers import postgres, redis
from bench.peers.apart import LeftOut, Peer, figures, reason, said
from bench.peers.postgres import PEERS

PIP = """
WARNING: a mirror is ignored
ERROR: Ignored the following versions that require a different python version: 0.7.0 Requires-Python >=3.12
ERROR: No matching distribution found for oban
"""
OURS = {"drain": 30_000.0, "single": 1_000.0, "bulk": 90_000.0}


def _ended(code: int = 0, output: str = "", errors: str = "") -> CompletedProcess[str]:
    return CompletedProcess([], code, output, errors)


def test_the_last_line_that_a_peer_prints_is_what_it_found() -> None:
    output = 'a log line\n{"single": 1, "bulk": 2.5, "drain": 3}\n'
    assert said(_ended(output=output)) == {"single": 1.0, "bulk": 2.5, "drain": 3.0}


@pytest.mark.parametrize(
    "output", ["", "nothing of the kind", "[]", '{"single": 1}', '{"single": 1, "bulk": [], "drain": 1}']
)
def test_a_peer_that_says_something_else_is_left_out_with_what_it_said(output: str) -> None:
    with pytest.raises(LeftOut) as left:
        said(_ended(output=output))
    assert repr(output) in str(left.value)


def test_a_peer_that_fails_is_left_out_with_the_last_line_of_its_traceback() -> None:
    with pytest.raises(LeftOut, match=r"^KeyError: 'x'$"):
        said(_ended(1, errors="Traceback:\n  File\nKeyError: 'x'\n"))
    with pytest.raises(LeftOut, match="exit code 3"):
        said(_ended(3))


def test_the_reason_is_what_pip_calls_an_error() -> None:
    assert reason(PIP) == "No matching distribution found for oban"
    assert reason("") == ""


def test_a_drain_is_to_be_so_many_times_the_peers() -> None:
    drain, single, bulk = figures(PEERS[0], OURS, {"drain": 5_000.0, "single": 2_000.0, "bulk": 9_000.0}, 5)
    assert (drain.name, drain.ratio, drain.met) == ("peer-pgqueuer-drain", 6.0, True)
    assert (single.name, single.ratio, single.met) == ("peer-pgqueuer-single", 0.5, None)
    assert (bulk.name, bulk.ratio, bulk.met) == ("peer-pgqueuer-bulk", 10.0, None)


@pytest.mark.parametrize("engine", ["postgres", "redis"])
def test_a_peer_that_cannot_be_had_is_named_in_one_line_and_the_others_are_measured(
    engine: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    peers = (postgres if engine == "postgres" else redis).PEERS

    def measured(peer: Peer, server: str, jobs: int) -> dict[str, float]:
        if peer is peers[2]:
            raise LeftOut(f"No matching distribution found for {peer.name}")
        return {"drain": 1.0, "single": 1.0, "bulk": 1.0}

    monkeypatch.setattr(f"bench.{engine}.place.GIVEN", request.getfixturevalue(f"{engine}_server"))
    monkeypatch.setattr(f"bench.peers.{engine}._measured", measured)
    assert main([f"peers-{engine}", "--scale", "0.001"]) == 0
    said = capsys.readouterr()
    left = peers[2].name
    assert said.err == f"{left} is left out: No matching distribution found for {left}\n"
    named = {line.split()[0].split("-")[1] for line in said.out.splitlines()[1:]}
    assert named == {peer.name.lower() for peer in peers} - {left.lower()}
