"""The two roles beside customers, as Django groups with their permissions.

Analysts read the books and the bank's figures. Staff also look after people and accounts, work at
the cash desk, refund payments, manage holds, read payment files and run the audit. Neither role may
add, change or delete a transaction by hand, because only services move money, nor change groups:
superusers decide who may do what.
"""

from django.contrib.auth.models import Group, Permission

ANALYSTS = "analysts"
STAFF = "staff"

_READ_THE_BOOKS = (
    "accounts.view_account",
    "transactions.view_transaction",
    "transactions.view_entry",
    "transactions.view_auditrun",
    "transactions.view_seal",
)
PERMISSIONS: dict[str, tuple[str, ...]] = {
    ANALYSTS: _READ_THE_BOOKS,
    STAFF: (
        *_READ_THE_BOOKS,
        "accounts.view_user",
        "accounts.add_user",
        "accounts.change_user",
        "accounts.add_account",
        "accounts.change_account",
        "accounts.view_statuschange",
        "accounts.view_currency",
        "accounts.add_currency",
        "accounts.change_currency",
        "transactions.use_cash_desk",
        "transactions.refund_transactions",
        "transactions.manage_holds",
        "transactions.view_paymentfile",
        "transactions.run_audit",
    ),
}


def ensure_groups() -> dict[str, Group]:
    """Creates missing groups, adds missing permissions, and returns the groups by name.

    Keeps permissions that somebody added to a group by hand. Raises LookupError if a permission
    does not exist yet, because only `migrate` creates permissions.
    """
    known = {
        f"{label}.{codename}": pk
        for pk, label, codename in Permission.objects.values_list(
            "pk", "content_type__app_label", "codename"
        )
    }
    groups = {}
    for name, wanted in PERMISSIONS.items():
        missing = [permission for permission in wanted if permission not in known]
        if missing:
            raise LookupError(f"There is no permission {missing[0]}; run migrate first.")
        groups[name], _ = Group.objects.get_or_create(name=name)
        groups[name].permissions.add(*(known[permission] for permission in wanted))
    return groups
