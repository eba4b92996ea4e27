"""Decides which users may use the explorer, and whether their queries return names."""

import time
from dataclasses import dataclass

from accounts.models import User
from accounts.models.token_rights import SEE_NAMES
from accounts.shown import add_unnamed, opened_by_right
from explorer.schema.installation import keys
from ledger.db.rights.row_security import RowScope, read_bank, signed
from transactions.scope import may_explore_bank

LIFETIME = 300  # seconds; longer than a query, so that small clock differences do not matter


@dataclass(frozen=True, slots=True)
class ExplorerReader:
    """A user whose queries read the whole bank, with or without names of people."""

    person: User
    sees_names: bool = False

    def token(self) -> str:
        """Returns a signed token that proves the user and the scope to the database. The token is
        valid for LIFETIME seconds.
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
        """Records for the read log that a permission gave access to other people's rows. This is
        also recorded if the response only depends on these rows, for example if it is an error or a
        duration. The rows of a query contain no ids of people, so the log lists no people.
        """
        read_bank()
        opened_by_right()
        add_unnamed()


def reader_for(person: User) -> ExplorerReader | None:
    """Returns the user with the scope of their queries, or None if the user may not use the
    explorer.
    """
    return ExplorerReader(person, person.has_perm(SEE_NAMES)) if may_explore_bank(person) else None
