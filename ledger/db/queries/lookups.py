"""Django's lookups for Postgres extensions, with the name of the extensions' schema: see Note
[Schema of extensions].
"""

from django.contrib.postgres import lookups
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
    """Replaces Django's lookups on text fields with the lookups of this module."""
    for field in (CharField, TextField):
        for lookup in (Unaccent, TrigramSimilar, TrigramWordSimilar, TrigramStrictWordSimilar):
            field.register_lookup(lookup)
