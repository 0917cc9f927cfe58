"""The line between a supervisor and its child."""

from __future__ import annotations

import os
import socket
import threading

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
        listen(
            theirs, inbox, heard.append, lambda: heard.append({"ended": True}), lambda: heard.append({"closed": True})
        )
    assert first == {"kind": "worker"}
    assert heard == [{"stop": 20}, {"lease": "lost"}, {"ended": True}]


def test_a_line_whose_descriptor_was_closed_is_given_up_and_nothing_is_read_from_what_has_its_number_next() -> None:
    ours, theirs = socket.socketpair()
    others, another = socket.socketpair()
    with ours, others, another:
        send(ours, kind="worker")
        send(ours, retire="now")
        _, inbox = read_first(theirs)
        begun = threading.Event()
        heard: list[str] = []
        arguments = [
            theirs,
            inbox,
            lambda _: begun.set(),
            lambda: heard.append("ended"),
            lambda: heard.append("closed"),
        ]
        hearing = threading.Thread(target=listen, args=arguments)
        hearing.start()
        assert begun.wait(10)
        os.dup2(another.fileno(), theirs.fileno())
        send(others, stop=0)
        hearing.join(10)
        assert heard == ["closed"]
        assert another.recv(100) == b'{"stop": 0}\n'
        theirs.close()
