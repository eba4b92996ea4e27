"""Describes the rules that the database enforces in the table of synonyms. docs/schema.md lists
these descriptions.
"""

from ledger.db.table_rules import TableRule, register

register(
    "synonyms",
    TableRule(
        "`synonym_has_words`, `synonym_finds_something`, `synonym_is_small`,"
        " `merchant_codes_have_four_digits`",
        "a synonym without a name or words, or without a category and a merchant code; more than"
        " 60 words, 5 categories or 30 merchant codes; a merchant code that does not have four"
        " digits",
    ),
)
