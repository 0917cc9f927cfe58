"""How values cross: in binary, uuids and JSON as bytes, and each kind of Python value as one type of PostgreSQL's."""

from __future__ import annotations

from psycopg.adapt import AdaptersMap
from psycopg.types.array import ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import ByteaBinaryLoader, StrBinaryDumper


def adapt(adapters: AdaptersMap) -> None:
    """Teach a cursor or a connection how the store's values cross."""
    adapters.register_dumper(int, Int8BinaryDumper)  # one type, so that a statement is prepared once and not per size
    adapters.register_dumper(str, StrBinaryDumper)
    adapters.register_dumper(list, ListBinaryDumper)
    adapters.register_loader("uuid", ByteaBinaryLoader)
    adapters.register_loader("json", ByteaBinaryLoader)
