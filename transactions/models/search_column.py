"""The expression of the generated column `search`."""

from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db.models import F, Func

# Note [Search column]: the words of the description (A), the reference (B), and the strings and
# numbers of the metadata (C), and one lexeme per side: "@" + the last 12 hex digits of the
# account's id. A search for "rent" within some accounts becomes rent & (@a | @b), which one GIN
# index answers; the cost depends only on the reader's rows. This is not a permission check: queries
# check the account, too.
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
