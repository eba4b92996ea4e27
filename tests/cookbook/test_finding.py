"""Questions as developers type them, and the recipe that has to be among the first answers."""

import pytest

from ledger.cookbook import finding
from ledger.cookbook.finding import find, meant

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        ("how do I group by month", "spent-by-month"),
        ("upsert", "upsert-rates"),
        ("lock a row", "select-for-update"),
        ("N+1", "n-plus-one"),
        ("running total", "statement-with-running-total"),
        ("soft delete", "take-off-the-list"),
        ("having", "frequent-categories"),
        ("or condition", "rent-or-large"),
        ("not in", "accounts-that-never-paid"),
        ("update a json key", "gold-card-in-place"),
        ("find duplicates", "frequent-categories"),
        ("partial index", "unspent-by-partial-index"),
        ("count rows fast", "any-many-all"),
        ("top n per group", "largest-payments-of-each-category"),
        ("race in get_or_create", "get-or-create-at-once"),
        ("full text search ranking", "ranked-matches"),
        ("raw SQL", "cash-by-day-in-raw-sql"),
        ("pagination", "page-of-payments"),
        ("bulk insert", "rates-of-a-week"),
        ("deadlock", "deadlock"),
        ("nulls last", "accounts-by-limit"),
        ("case when", "limits-by-balance"),
        ("savepoint", "savepoint"),
        ("distinct on", "newest-payment-of-each-account"),
        ("median", "median-payments"),
        ("copy from csv", "copy-rates"),
        ("stream a large table", "add-up-row-by-row"),
        ("select for update", "select-for-update"),
        ("task queue", "skip-locked"),
        ("moving average", "bills-smoothed"),
        ("on commit", "on-commit-sends-the-mail"),
        ("previous row", "spending-by-month"),
        ("two people change the same row", "lost-update"),
        ("left join", "payments-and-where-they-went"),
        ("generated column", "available-as-generated-column"),
    ],
)
def test_a_question_finds_its_recipe_among_the_first_three(asked: str, slug: str) -> None:
    assert slug in [recipe.slug for recipe in find(asked)[:3]]


def test_a_recipe_with_all_the_words_stands_first() -> None:
    assert find("lost update")[0].slug == "lost-update"


@pytest.mark.parametrize("asked", ["", "   ", "'", "& | !", ":*", "how do I", "\\", "<->", "'; --"])
def test_what_is_no_question_finds_nothing(asked: str) -> None:
    assert find(asked) == []


def test_a_beginning_finds_while_one_types() -> None:
    assert "lost-update" in [recipe.slug for recipe in find("lost upd")]


def test_a_slip_of_the_fingers_is_mended() -> None:
    assert meant("uddate") == "update"
    assert meant("lost update") == ""


def test_a_long_text_is_cut() -> None:
    assert len(finding.words_of("word " * 1000)) == finding.MOST_WORDS
