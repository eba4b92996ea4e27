"""Django's lookups for Postgres extensions, with the name of the extensions' schema: see Note
[Schema of extensions].
"""

from django.contrib.postgres import lookups, search
from django.db.models import CharField, TextField

from ledger.db.extensions import SCHEMA


class Unaccent(lookups.Unaccent):
    function = f"{SCHEMA}.unaccent"


class TrigramSimilar(lookups.TrigramSimilar):
    postgres_operator = f"OPERATOR({SCHEMA}.%%)"


class TrigramWordSimilar(lookups.TrigramWordSimilar):
    postgres_operator = f"OPERATOR({SCHEMA}.%%>)"


class TrigramStrictWordSimilar(lookups.TrigramStrictWordSimilar):
    postgres_operator = f"OPERATOR({SCHEMA}.%%>>)"


def register() -> None:
    """Replaces Django's lookups on text fields with the lookups of this module. Django's functions
    and operators for trigrams get the name of the schema.
    """
    search.TrigramSimilarity.function = f"{SCHEMA}.similarity"
    search.TrigramWordSimilarity.function = f"{SCHEMA}.word_similarity"
    search.TrigramStrictWordSimilarity.function = f"{SCHEMA}.strict_word_similarity"
    search.TrigramDistance.arg_joiner = f" OPERATOR({SCHEMA}.<->) "
    search.TrigramWordDistance.arg_joiner = f" OPERATOR({SCHEMA}.<<->) "
    search.TrigramStrictWordDistance.arg_joiner = f" OPERATOR({SCHEMA}.<<<->) "
    for field in (CharField, TextField):
        for lookup in (Unaccent, TrigramSimilar, TrigramWordSimilar, TrigramStrictWordSimilar):
            field.register_lookup(lookup)
