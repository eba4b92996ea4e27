"""What a person may do in a request that an access token has signed in.

Note [Rights by token]: a token has scopes, and a person has rights; a request by token may do what
both allow. Pages and querysets ask the person alone: `is_staff`, `has_perm`. So the instance of the
person that such a request has is limited by the token's scopes, and no code has to think of tokens.
Without the scope `staff` it is no staff, also for the policies of row-level security, and has no
permission but those of reports, if the token has the scope `report`. The rights themselves are read
anew for each request.
"""

from collections.abc import Collection
from typing import Any

from accounts.models.number_rights import RightsToNumbers
from ledger.provider_settings import TOKEN_SCOPES

SCOPES = READ, PAY, STAFF, REPORT = TOKEN_SCOPES
SEE_NAMES = "accounts.view_user"  # the right to see whose accounts they are
# With these a person reads the figures of the whole bank: see `transactions.scope`.
PERMISSIONS_OF_REPORTS = ("transactions.view_transaction", "transactions.view_entry")


class RightsByToken(RightsToNumbers):
    """User mixin whose permissions an access token can narrow."""

    is_staff: Any
    _scopes: frozenset[str] | None = None  # of the token; None without one
    _was_staff = _was_superuser = False  # what the token has taken away

    class Meta:
        abstract = True

    def limit_to(self, scopes: Collection[str]) -> None:
        """Takes away, from this instance alone, the rights that these scopes do not contain."""
        self._scopes = frozenset(scopes)
        if STAFF not in scopes:
            self._was_staff, self._was_superuser = bool(self.is_staff), self.is_superuser
            self.is_staff = self.is_superuser = False

    @property
    def is_limited(self) -> bool:
        """Whether a token has taken rights away: the instance is then not the row."""
        return self._scopes is not None and STAFF not in self._scopes

    def may_have_scope(self, scope: str) -> bool:
        """Whether the person has the rights that this scope needs. For `report` a query, once."""
        if scope == STAFF:
            return bool(self.is_staff or self.is_superuser)
        return scope != REPORT or self._may_read_figures()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether the person has the permission, and the token of the request allows it."""
        if not self.is_limited:
            return super().has_perm(perm, obj)
        is_of_reports = perm in PERMISSIONS_OF_REPORTS and REPORT in (self._scopes or ())
        return is_of_reports and self._may_read_figures()

    def has_module_perms(self, app_label: str) -> bool:
        return not self.is_limited and super().has_module_perms(app_label)

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """As `has_perm` tells of each."""
        found = super().get_all_permissions(obj)
        return {perm for perm in found if self.has_perm(perm, obj)} if self.is_limited else found

    def _may_read_figures(self) -> bool:
        """As `transactions.scope.may_read_bank` tells of the person without a token: somebody with
        a group of staff, which names people, who is not staff any more, may not.
        """
        if self.is_superuser or self._was_superuser:
            return True
        has = super().has_perm
        is_staff = self.is_staff or self._was_staff
        return all(map(has, PERMISSIONS_OF_REPORTS)) and (is_staff or not has(SEE_NAMES))
