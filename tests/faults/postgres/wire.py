"""PostgreSQL's protocol as far as what sits between a client and a server must know it.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import asyncio
import struct
from typing import NamedTuple

_WANT_TLS, _WANT_GSS, _CANCEL = 80877103, 80877104, 80877102
READY = b"Z"
PREPARE = "PREPARE "


class Message(NamedTuple):
    """One message: its letter, and all of its bytes."""

    kind: bytes
    whole: bytes

    @property
    def body(self) -> bytes:
        """What follows the length."""
        return self.whole[5:]


class Startup(NamedTuple):
    """The first message of a client."""

    whole: bytes
    cancels: bool  # it only wants a statement of another connection cancelled

    @property
    def parameters(self) -> dict[str, str]:
        """What the client says of itself."""
        words = self.whole[8:].rstrip(b"\0").decode().split("\0")
        return dict(zip(words[::2], words[1::2], strict=True))


class Requests:
    """Reads what a client sends as the SQL of its requests: a simple query, or all up to a Sync."""

    def __init__(self) -> None:
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, str] = {}
        self._executed: list[str] = []
        self._parsed: list[str] = []

    def see(self, message: Message) -> str | None:
        """Take a message in; returns the SQL of a request when this was its last, `PREPARE …` if that runs nothing."""
        names = message.body.split(b"\0", 2)
        match message.kind:
            case b"Q":
                return names[0].decode()
            case b"P":
                self._statements[names[0]] = names[1].decode()
                self._parsed.append(f"{PREPARE}{names[1].decode()}")
            case b"B":
                self._portals[names[0]] = self._statements.get(names[1], "")
            case b"E":
                self._executed.append(self._portals.get(names[0], ""))
            case b"S":
                said = "; ".join(self._executed or self._parsed)
                self._executed, self._parsed = [], []
                return said
            case _:
                pass
        return None


async def read_startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Startup:
    """Read the first message of a client, which is told that there is no TLS here."""
    while True:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!II", head)
        if code in (_WANT_TLS, _WANT_GSS):
            writer.write(b"N")
            continue
        return Startup(head + await reader.readexactly(length - 8), code == _CANCEL)


async def read(reader: asyncio.StreamReader) -> Message:
    """Read one message after the first."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!I", head[1:])
    return Message(head[:1], head + await reader.readexactly(length - 4))


def message(kind: bytes, body: bytes) -> bytes:
    """Return the bytes of a message."""
    return kind + struct.pack("!I", len(body) + 4) + body


def error(code: str, text: str) -> bytes:
    """Return the bytes of an error after which the connection ends."""
    fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": text}
    return message(b"E", b"".join(f"{name}{value}\0".encode() for name, value in fields.items()) + b"\0")
