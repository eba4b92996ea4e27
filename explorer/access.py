"""Who may use the explorer, and whose rows their queries read."""

import time
from dataclasses import dataclass

from django.conf import settings

from accounts.models import User
from accounts.models.token_rights import SEE_NAMES
from accounts.shown import add_unnamed, opened_by_right
from explorer.schema.installation import keys
from ledger.db.row_security import RowScope, read_bank, signed
from transactions.scope import may_explore_bank

LIFETIME = 300  # seconds of a token: longer than a query may run, with room for clocks that differ


@dataclass(frozen=True, slots=True)
class ExplorerReader:
    """A person, and what their queries read: the whole bank with or without names, or their own."""

    person: User
    scope: RowScope

    @property
    def is_bank(self) -> bool:
        return self.scope >= RowScope.BANK

    @property
    def sees_names(self) -> bool:
        return self.scope >= RowScope.STAFF

    def token(self) -> str:
        """What proves both to the database, for some minutes."""
        return signed(self.person.pk, self.scope, int(time.time()) + LIFETIME, keys()[0])

    @property
    def label(self) -> str:
        """Whose rows they are, for the head of the page."""
        if not self.is_bank:
            return "my money"
        return "the whole bank" if self.sees_names else "the whole bank, without names"

    @property
    def name(self) -> str:
        """For the history: own, bank, or names."""
        return "names" if self.sees_names else "bank" if self.is_bank else "own"

    def see_shared(self) -> None:
        """Lets the rest of the request read what colleagues share, under row-level security."""
        if self.is_bank:
            read_bank()

    def open(self) -> None:
        """Notes for the log of reads that the answer shows others' rows by right, or the error that
        they caused. The rows of a query name nobody by themselves, so nobody is named there.
        """
        if self.is_bank:
            read_bank()
            opened_by_right()
            add_unnamed()


def reader_for(person: User) -> ExplorerReader | None:
    """How this person uses the explorer; None if they may not."""
    if may_explore_bank(person):
        sees_names = person.has_perm(SEE_NAMES)
        return ExplorerReader(person, RowScope.STAFF if sees_names else RowScope.BANK)
    if settings.LEDGER_EXPLORER == "customers":
        return ExplorerReader(person, RowScope.OWN)
    return None
