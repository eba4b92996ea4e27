"""Attempts to break the rules of synonyms."""

from cookbook.lab.attempts.attempt import UNIQUE, Attempt, ValidRow

SYNONYM = ValidRow(
    "synonyms",
    "a synonym",
    {
        "id": "gen_random_uuid()",
        "name": "'Toys'",
        "words": "'{toys, lego}'",
        "categories": "'{games}'",
        "merchant_codes": "'{5945}'",
    },
)
ROWS = (SYNONYM,)
ATTEMPTS: list[Attempt] = [
    SYNONYM.attempt("synonym_has_words", "Insert a synonym without a word", words="'{}'"),
    SYNONYM.attempt(
        "synonym_finds_something",
        "Insert a synonym without a category or a merchant code",
        categories="'{}'",
        merchant_codes="'{}'",
    ),
    SYNONYM.attempt(
        "synonym_is_small",
        "Insert a synonym with 61 words",
        words="array_fill('toys'::text, '{61}')",
    ),
    SYNONYM.attempt(
        "merchant_codes_have_four_digits",
        "Insert a synonym whose merchant code is not four digits",
        merchant_codes="'{594}'",
    ),
    SYNONYM.but("twice").attempt(
        "synonyms_pkey",
        "Insert a synonym with an id that is taken",
        UNIQUE,
        id="'019e0000-0000-7000-8000-000000000000'",
    ),
    *SYNONYM.left_out(),
]
