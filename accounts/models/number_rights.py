"""Defines which permissions show whole account numbers. These permissions have an effect only
together with the permission to see contact details.

Note [Rights that show numbers]: account names, free texts, files and refusal messages may contain
account numbers, and developers can easily forget to mask a number. Therefore these permissions have
no effect without the permission to see contact details, also those of new apps. The pages of
MASKING_APPS mask or do not show the number (`accounts.admin.masking`), apart from SHOW_NUMBERS.
Each other app whose pages mask numbers says so with `mask_numbers`, in its module `group_rights`.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import PermissionsMixin

SEE_CONTACT_DETAILS = "accounts.view_contact_details"
MASKING_APPS = {"accounts", "auth", "ledger_db"}
SHOW_NUMBERS = [  # permissions of these apps that show numbers
    "accounts.decide_approvals",
    "accounts.view_approvalrequest",
    "accounts.view_change",
    "accounts.view_read",  # what colleagues searched for
]


def mask_numbers(app: str, *, except_for: Iterable[str] = ()) -> None:
    """Registers that the pages of an app mask account numbers. `except_for` are its permissions
    for pages that show whole numbers.
    """
    MASKING_APPS.add(app)
    SHOW_NUMBERS.extend(except_for)


def shows_numbers(perm: str) -> bool:
    """Returns whether this permission requires `SEE_CONTACT_DETAILS`."""
    return perm.partition(".")[0] not in MASKING_APPS or perm in SHOW_NUMBERS


class RightsToNumbers(PermissionsMixin):
    """User mixin. If a user may not see contact details, the permissions that show account numbers
    have no effect for this user.
    """

    class Meta:
        abstract = True

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Returns whether the user has the permission. A permission that shows account numbers also
        requires `SEE_CONTACT_DETAILS`.
        """
        has = super().has_perm
        return has(perm, obj) and (not shows_numbers(perm) or has(SEE_CONTACT_DETAILS))

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """Returns the permissions for which `has_perm` returns True."""
        found = super().get_all_permissions(obj)
        if SEE_CONTACT_DETAILS in found:
            return found
        return {perm for perm in found if not shows_numbers(perm)}
