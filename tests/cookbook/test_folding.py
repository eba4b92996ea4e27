"""Statements that repeat themselves on a recipe's page."""

import pytest

from cookbook.templatetags.cookbook import repeats_folded
from ledger.db.queries.work import RecordedQuery


def sent(*shapes: str) -> list[RecordedQuery]:
    """Queries of these shapes, each with a value and a millisecond of its own."""
    return [
        RecordedQuery(
            f"{shape} {number}", 0.001, shape, error="23505" if shape == "refused" else ""
        )
        for number, shape in enumerate(shapes)
    ]


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        (1, [("a 0", 1)]),
        (2, [("a 0", 1), ("a 1", 1)]),
        (3, [("a 0", 1), ("a 1", 1), ("a 2", 1)]),
        (4, [("a 0", 1), ("a 1", 1), ("a 2", 2)]),
        (40, [("a 0", 1), ("a 1", 1), ("a 2", 38)]),
    ],
)
def test_three_of_a_shape_are_shown_and_the_last_stands_for_the_rest(
    times: int, shown: list[tuple[str, int]]
) -> None:
    folded = repeats_folded(sent(*["a"] * times))
    assert [(one.sql, one.times) for one in folded] == shown
    assert sum(one.milliseconds for one in folded) == pytest.approx(times)


def test_only_neighbours_of_one_shape_and_one_answer_are_folded() -> None:
    folded = repeats_folded(sent("a", "a", "a", "a", "b", "a"))
    assert [(one.sql, one.times) for one in folded[2:]] == [("a 2", 2), ("b 4", 1), ("a 5", 1)]
    queries = sent("a", "a", "a", "a")
    queries[3].error = "23505"
    assert [one.error for one in repeats_folded(queries)] == ["", "", "", "23505"]
