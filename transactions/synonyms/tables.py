"""The rights of database roles on synonyms."""

from ledger.db.rights.registered_tables import EVERYTHING, READ, Table, register

register(
    {
        "synonyms": Table(
            web=EVERYTHING,
            worker=READ,
            rows="words for categories and kinds of shops, of nobody's account",
            personal_data="none",
        ),
    }
)
