"""The line between a supervisor and its child."""

from __future__ import annotations

import socket

from nuvom.worker.link import Message, listen, read_first, send


def test_an_order_that_comes_together_with_the_first_message_is_heard() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, kind="worker")
        send(ours, stop=20)  # as a signal does that comes while the child starts
        send(ours, lease="lost")
        ours.shutdown(socket.SHUT_WR)
        heard: list[Message] = []
        first, inbox = read_first(theirs)
        listen(theirs, inbox, heard.append, lambda: heard.append({"ended": True}))
    assert first == {"kind": "worker"}
    assert heard == [{"stop": 20}, {"lease": "lost"}, {"ended": True}]
