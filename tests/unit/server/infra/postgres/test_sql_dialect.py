from __future__ import annotations

import pytest

from server.infra.postgres.sql_dialect import translate_definition, translate_statement


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            "select x from t where x > :after limit :limit",
            "select x from t where x > %(after)s limit %(limit)s",
        ),
        ("where x = :x collate nocase and y = :y", "where lower(x) = lower(%(x)s) and y = %(y)s"),
        ("from t d indexed by t_live where true", "from t d where true"),
        ("j.stage is not d.stage or x is not null", "j.stage is distinct from d.stage or x is not null"),
        ("cast(a.document as blob)", "convert_to(a.document, 'UTF8')"),
        ("document ->> '$.x' = :x", r"replace(document, '\u0000', '\ufffd')::jsonb ->> 'x' = %(x)s"),
        (
            "in (select value from json_each(:c))",
            "in (select value from json_array_elements_text(%(c)s::json))",
        ),
        ("x like 'a%'", "x like 'a%%'"),
        ("select x::text, '{}'", "select x::text, '{}'"),
    ],
)
def test_a_statement_is_put_into_postgresqls_words(ours: str, theirs: str) -> None:
    assert translate_statement(ours) == theirs


def test_an_index_that_folds_case_is_one_on_lower_case() -> None:
    ours = "create unique index i on t (a collate nocase, b)"

    assert translate_definition(ours) == "create unique index i on t (lower(a), b)"
