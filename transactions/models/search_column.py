"""The expression of the generated column `search`."""

from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db.models import F, Func

# Note [Search column]: the column contains the words of the description (weight A), of the
# reference (B), and of the strings and numbers of the metadata (C). It also contains one lexeme for
# the payer's and one for the payee's account: "@" and the last 12 hex digits of the account's id. A
# search for "rent" in accounts a and b becomes rent & (@a | @b). One GIN index answers this query,
# and its cost depends only on the number of the reader's rows. The lexemes are not a permission
# check: queries also compare the account columns.
SIDE_LEXEMES = Func(
    Func(F("from_account"), template="'@' || right(%(expressions)s::text, 12)"),
    Func(F("to_account"), template="'@' || right(%(expressions)s::text, 12)"),
    template="array_to_tsvector(array_remove(ARRAY[%(expressions)s], NULL))",
)


SEARCH_DOCUMENT = Func(
    SearchVector("description", weight="A", config="simple"),
    SearchVector("reference", weight="B", config="simple"),
    Func(
        F("metadata"),
        template=(
            "setweight(jsonb_to_tsvector('simple'::regconfig, %(expressions)s,"
            " '[\"string\", \"numeric\"]'::jsonb), 'C')"
        ),
    ),
    SIDE_LEXEMES,
    template="(%(expressions)s)",
    arg_joiner=" || ",
    output_field=SearchVectorField(),
)
