"""The rights of a user in a request with an access token.

Note [Rights by token]: a request with a token may do only what both the token's scopes and the
user's rights allow. Pages and querysets check only the user: `is_staff`, `has_perm`. Therefore the
User instance of such a request is limited by the token's scopes, and other code does not have to
check tokens. Without the scope `staff`, the instance is not staff, also for row-level security
policies. Such an instance has no permissions, except the permissions for reports if the token has
the scope `report`. The user's rights are read again for each request.
"""

from collections.abc import Collection
from typing import Any

from accounts.models.number_rights import RightsToNumbers
from ledger.settings.provider import TOKEN_SCOPES

SCOPES = READ, PAY, STAFF, REPORT = TOKEN_SCOPES
SEE_NAMES = "accounts.view_user"  # the right to see the owners of accounts
# With these permissions a user can read numbers of the whole bank: see `transactions.scope`.
PERMISSIONS_OF_REPORTS = ("transactions.view_transaction", "transactions.view_entry")


class RightsByToken(RightsToNumbers):
    """User mixin whose permissions can be limited by an access token."""

    is_staff: Any
    _scopes: frozenset[str] | None = None  # the token's scopes, or None without a token
    _was_staff = _was_superuser = False  # rights that the token removed

    class Meta:
        abstract = True

    def limit_to(self, scopes: Collection[str]) -> None:
        """Limits the rights of this instance to the rights that these scopes allow. Does not change
        the row.
        """
        self._scopes = frozenset(scopes)
        if STAFF not in scopes:
            self._was_staff, self._was_superuser = bool(self.is_staff), self.is_superuser
            self.is_staff = self.is_superuser = False

    @property
    def is_limited(self) -> bool:
        """Whether a token has removed rights from this instance, so that it differs from its
        row.
        """
        return self._scopes is not None and STAFF not in self._scopes

    def may_have_scope(self, scope: str) -> bool:
        """Returns whether the user has the rights that this scope requires. The first check of
        `report` makes a query.
        """
        if scope == STAFF:
            return bool(self.is_staff or self.is_superuser)
        return scope != REPORT or self._may_read_figures()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Returns whether the user has the permission and the token of the request allows it."""
        if not self.is_limited:
            return super().has_perm(perm, obj)
        is_of_reports = perm in PERMISSIONS_OF_REPORTS and REPORT in (self._scopes or ())
        return is_of_reports and self._may_read_figures()

    def has_module_perms(self, app_label: str) -> bool:
        return not self.is_limited and super().has_module_perms(app_label)

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """Returns the permissions for which `has_perm` returns True."""
        found = super().get_all_permissions(obj)
        return {perm for perm in found if self.has_perm(perm, obj)} if self.is_limited else found

    def _may_read_figures(self) -> bool:
        """Returns whether the user may read the numbers of the whole bank. The result is the result
        that `transactions.scope.may_read_bank` would have without the token. A user who may also
        see people must still be staff.
        """
        if self.is_superuser or self._was_superuser:
            return True
        has = super().has_perm
        is_staff = self.is_staff or self._was_staff
        return all(map(has, PERMISSIONS_OF_REPORTS)) and (is_staff or not has(SEE_NAMES))
