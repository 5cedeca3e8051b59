"""Tables fit the terminal: no word is broken or cut, and where they do not fit they are cards."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from server.cli.output import render_table
from server.cli.output.tables import fit_columns

DATASET = "acme-sandbox-confluence-7f3k2m"
TEMPLATE = "fintech/developer_productivity/confluence_pages"
WHY = "Its journey is active and protects it until somebody ends it."
COLUMNS = ("dataset", "template", "score", "ends", "why")


def render(table: RenderableType, width: int) -> list[str]:
    stream = StringIO()
    Console(file=stream, width=width, markup=False, highlight=False).print(table, crop=False)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_a_table_takes_the_width_that_it_needs() -> None:
    lines = render(render_table(("dataset", "why"), [(DATASET, WHY)], empty=""), 150)
    assert lines[0].split() == ["dataset", "why"]
    assert lines[2] == f"{DATASET}   {WHY}"


def test_sentences_wrap_between_words_and_ids_stay_whole() -> None:
    lines = render(render_table(("dataset", "why"), [(DATASET, WHY)], empty=""), 80)
    assert lines[2].startswith(f"{DATASET}   Its journey is active")
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines[2:]).replace(DATASET, "").split()) == WHY


def test_what_does_not_fit_is_shown_as_cards_without_empty_values() -> None:
    rows = [(DATASET, TEMPLATE, 100.0, None, WHY), ("d2", TEMPLATE, 95.5, "-", "")]
    assert render(render_table(COLUMNS, rows, empty=""), 80) == [
        DATASET,
        f"  template  {TEMPLATE}",
        "  score     100.0",
        f"  why       {WHY}",
        "",
        "d2",
        f"  template  {TEMPLATE}",
        "  score     95.5",
    ]


words = st.text("abcdefghij", min_size=1, max_size=20)
cells = st.lists(words, min_size=1, max_size=12).map(" ".join)


@given(
    rows=st.integers(1, 5).flatmap(
        lambda count: st.lists(st.tuples(*[cells] * count), min_size=1, max_size=4)
    ),
    width=st.integers(40, 160),
)
def test_every_word_is_whole_at_every_width(rows: list[tuple[str, ...]], width: int) -> None:
    columns = [f"c{number}" for number in range(len(rows[0]))]
    lines = render(render_table(columns, rows, empty=""), width)
    shown = " ".join(lines).split()
    for row in rows:
        for cell in row:
            for word in cell.split():
                assert word in shown


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 200)), min_size=1, max_size=8),
    st.integers(20, 200),
)
def test_columns_have_what_they_need_at_least_and_together_fit(
    sizes: list[tuple[int, int]], width: int
) -> None:
    needs = [(least, least + more) for least, more in sizes]
    widths = fit_columns(needs, width)
    gaps = 3 * (len(needs) - 1)
    if widths is None:
        assert sum(least for least, _ in needs) + gaps > width
        return
    assert sum(widths) + gaps <= width
    assert all(least <= given <= full for given, (least, full) in zip(widths, needs, strict=True))
    assert sum(widths) + gaps == min(width, sum(full for _, full in needs) + gaps)


@pytest.mark.parametrize("width", [20, 30])
def test_on_the_narrowest_terminal_what_is_longer_than_a_line_is_left_to_it(width: int) -> None:
    rows = [(DATASET, TEMPLATE, "ready")]
    assert render(render_table(("dataset", "template", "status"), rows, empty=""), width) == [
        DATASET,
        f"  template  {TEMPLATE}",
        "  status  ready",
    ]
