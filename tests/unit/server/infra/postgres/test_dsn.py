from __future__ import annotations

import pytest

from server.infra.postgres.dsn import parse_postgres_url


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://kim:s3cret@db.example:5433/sets", "postgresql://db.example:5433/sets"),
        ("postgres://db.example/sets", "postgresql://db.example/sets"),
        ("postgresql://kim:a%40b%2Fs3cret@db/sets?sslmode=require", "postgresql://db/sets"),
        ("postgresql://kim:p?s3cret@db/sets", "postgresql://db/sets"),
        ("postgresql://kim:p#s3cret@db/sets", "postgresql://db/sets"),
        ("postgresql://kim@[::1]:5432/sets", "postgresql://::1:5432/sets"),
        ("postgresql:///sets?host=/run/postgresql", "postgresql:///run/postgresql/sets"),
        ("postgresql://a:1,b:2/sets?password=s3cret", "postgresql://a,b:1,2/sets"),
    ],
)
def test_an_address_shows_where_and_hides_who(url: str, name: str) -> None:
    address = parse_postgres_url(url)

    assert address.name == name
    assert "s3cret" not in repr(address)
    assert "kim" not in repr(address)


def test_what_the_url_says_goes_before_what_is_usual() -> None:
    said = parse_postgres_url("postgresql://db/sets?connect_timeout=3").conninfo

    assert "connect_timeout=3" in said
    assert "application_name=dataset-lifecycle" in said


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+psycopg://kim:s3cret@db/sets", "must be postgresql://"),
        ("postgresql:s3cret", "must be postgresql://"),
        ("postgresql://kim:s3cret\0@db/sets", "must be postgresql://"),
        ("postgresql://kim:s3cret%zz@db/sets", "write characters such as @"),
        ("postgresql://kim:s3cret@db/sets?no_such=1", "has the parameter 'no_such'"),
        ("postgresql://kim:s3cret@db/sets?sslmod=require", "'sslmode' may be meant"),
        ("postgresql://kim:a?s3cret=%zz@db/sets", "write characters such as @"),
        ("postgresql://kim:s3cret%zz@db/sets?no_such=1", "write characters such as @"),
        ("postgresql://kim:s3cret@db/sets?sslmode=require%zz", "write characters such as @"),
        ("postgresql://kim:p@db/sets?s3cret@host=1", "write characters such as @"),
        ("postgresql://kim:s3cret@[db/sets", "write characters such as @"),
        ("postgresql://kim:s3cret@db", "must name the database"),
        ("postgresql://kim:s3cret@db/", "must name the database"),
        ("postgresql://kim:p/s3cret@db/sets", "write characters such as @"),
        ("postgresql://kim:12/s3cret@db/sets", "write characters such as @"),
        ("postgresql://kim:p@s3cret@db/sets", "write characters such as @"),
        ("postgresql://kim:p@s3cret@db:5432/sets?sslmode=require", "write characters such as @"),
        ("postgresql://kim@host:s3cret@db/sets", "write characters such as @"),
        ("postgresql://kim:1@s3cret/x@db/sets", "write characters such as @"),
        ("postgresql://db:port/sets", "must have a number for its port"),
    ],
)
def test_a_malformed_url_is_told_how_it_should_be_and_never_repeated(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        parse_postgres_url(url)

    assert "s3cret" not in str(refused.value)
