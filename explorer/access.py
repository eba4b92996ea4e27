"""Decides which users may use the explorer, and whether the queries of a user return names of
people.
"""

import time
from dataclasses import dataclass

from accounts.models import User
from accounts.models.token_rights import SEE_NAMES
from accounts.shown import add_unnamed, opened_by_right
from explorer.schema.functions import SCHEMA
from explorer.schema.installation import keys
from ledger.db.rights.row_security import RowScope, read_bank, signed
from transactions.scope import may_explore_bank

LIFETIME = 300  # seconds; longer than any query, even if the clocks differ a little


class QueryReader:
    """The reader of a query. The query can read the tables and views of one schema. A reader of
    this class has no token, so the explorer's views show no rows.
    """

    schema = SCHEMA
    time_zone = ""  # of the session; the default is TIME_ZONE

    def token(self) -> str:
        """Returns the token for the explorer's views, or ""."""
        return ""

    def open(self) -> None:
        """Records the read for the read log, if the rows may belong to other people."""


@dataclass(frozen=True, slots=True)
class ExplorerReader(QueryReader):
    """A user whose queries read the whole bank, with or without names of people."""

    person: User
    sees_names: bool = False

    def token(self) -> str:
        """Returns a signed token that proves the user and the scope to the database for LIFETIME
        seconds.
        """
        scope = RowScope.STAFF if self.sees_names else RowScope.BANK
        return signed(self.person.pk, scope, int(time.time()) + LIFETIME, keys()[0])

    @property
    def label(self) -> str:
        """The description of the scope in the page's heading."""
        return "the whole bank" if self.sees_names else "the whole bank, without names"

    @property
    def name(self) -> str:
        """The name of the scope in the history of queries: "bank" or "names"."""
        return "names" if self.sees_names else "bank"

    def open(self) -> None:
        """Records for the read log that a permission gave access to other people's rows, also if
        the response is only an error or a duration that depends on these rows. The log lists no
        people, because the rows of a query contain no ids of people.
        """
        read_bank()
        opened_by_right()
        add_unnamed()


def reader_for(person: User) -> ExplorerReader | None:
    """Returns the user with the scope of the user's queries, or None if the user may not use the
    explorer.
    """
    return ExplorerReader(person, person.has_perm(SEE_NAMES)) if may_explore_bank(person) else None
