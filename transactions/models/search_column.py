"""Defines the SQL expression of the generated column `search` of the table `transactions`."""

from django.db.models import F, Func

from ledger.db.queries.words import joined, words_of

# Note [Search column]: the column contains the words of the description (weight A), of the
# reference (B), and of the strings and numbers of the metadata (C), see Note [Words]. It also
# contains two lexemes for the accounts of payer and payee: "@" and the last 12 hex digits of the
# account's id. A search for "rent" in the accounts a and b becomes rent & (@a | @b). One GIN index
# answers this query, and the cost depends only on the number of the reader's rows. The lexemes are
# not a permission check: queries also compare the account columns.
SIDE_LEXEMES = Func(
    Func(F("from_account"), template="'@' || right(%(expressions)s::text, 12)"),
    Func(F("to_account"), template="'@' || right(%(expressions)s::text, 12)"),
    template="array_to_tsvector(array_remove(ARRAY[%(expressions)s], NULL))",
)


SEARCH_DOCUMENT = joined(words_of(description="A", reference="B", metadata="C"), SIDE_LEXEMES)
