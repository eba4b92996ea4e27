"""Rights that need the right to see contact details, because they show whole account numbers.

Note [Rights that show numbers]: names of accounts, texts that people type, files and sentences of
refusals contain account numbers. To mask each is easily forgotten. So nobody has one of these
rights without the right to see contact details. The pages of accounts mask the number
(`accounts.admin.masking`), and their rights are not here.
"""

from typing import Any

from django.contrib.auth.models import PermissionsMixin

SEE_CONTACT_DETAILS = "accounts.view_contact_details"
SHOW_NUMBERS = (  # with every right of the app `transactions`
    "accounts.decide_approvals",
    "accounts.view_approvalrequest",
    "accounts.view_change",
    "accounts.view_read",  # what colleagues searched for
    "explorer.view_queryrun",  # what colleagues wrote into queries
)


def shows_numbers(perm: str) -> bool:
    """Whether this right needs `SEE_CONTACT_DETAILS`."""
    return perm.startswith("transactions.") or perm in SHOW_NUMBERS


class RightsToNumbers(PermissionsMixin):
    """The part of a person that has no right that shows numbers alone."""

    class Meta:
        abstract = True

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether the person has the permission, and the one that it needs."""
        has = super().has_perm
        return has(perm, obj) and (not shows_numbers(perm) or has(SEE_CONTACT_DETAILS))

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """As `has_perm` tells of each."""
        found = super().get_all_permissions(obj)
        if SEE_CONTACT_DETAILS in found:
            return found
        return {perm for perm in found if not shows_numbers(perm)}
