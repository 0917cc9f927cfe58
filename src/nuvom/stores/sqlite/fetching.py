"""Reading rows, also those that hold text which is none."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from nuvom.stores.schedule_rows import Row


def fetch(
    connection: sqlite3.Connection, statement: str, parameters: Sequence[object] | Mapping[str, object] = ()
) -> list[Row]:
    """Return rows; text that is no UTF-8 comes as its bytes instead of failing them all."""
    factory = connection.text_factory
    try:
        connection.text_factory = str  # the fastest, and it fails where text is no UTF-8
        return connection.execute(statement, parameters).fetchall()
    except sqlite3.OperationalError as error:
        if "decode to UTF-8" not in str(error):
            raise
        connection.text_factory = text_or_bytes
        return connection.execute(statement, parameters).fetchall()
    finally:
        connection.text_factory = factory


def text_or_bytes(data: bytes) -> str | bytes:
    """Return text, or what is no UTF-8 as it is."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
