"""Django's lookups of Postgres's extensions, which name the schema: see Note [Schema of
extensions].
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
    """Takes the place of Django's own on texts."""
    for field in (CharField, TextField):
        for lookup in (Unaccent, TrigramSimilar, TrigramWordSimilar, TrigramStrictWordSimilar):
            field.register_lookup(lookup)
