"""Rows as arrays: every text crosses as it is, whatever PostgreSQL's text for an array would make of it."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import given, strategies as st

from nuvom.stores.postgres.columns import columns

TEXTS = (
    st.none()
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    | st.sampled_from(["", "NULL", "null", '"', "\\", '\\"', "{}", "{a,b}", " a ", ",", "\n"])
)
ROWS = st.lists(st.tuples(TEXTS, st.none() | st.integers(-(2**63), 2**63 - 1), st.booleans()), min_size=1, max_size=20)


def test_what_goes_out_as_arrays_comes_back_as_rows(postgres_server: str) -> None:
    with psycopg.connect(postgres_server, autocommit=True) as connection:

        @given(ROWS)
        def same(rows: list[tuple[str | None, int | None, bool]]) -> None:
            said = columns(("a", "b", "c"), rows)
            found = connection.execute(
                "SELECT * FROM unnest(%(a)s::text[], %(b)s::bigint[], %(c)s::boolean[])", said
            ).fetchall()
            assert found == rows

        same()


def test_a_column_of_which_every_value_is_none_is_none() -> None:
    assert columns(("a", "b"), [(None, 1), (None, None)]) == {"a": None, "b": "{1,NULL}"}


def test_the_character_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        columns(("a",), [("a\0b",), ("c",)])
