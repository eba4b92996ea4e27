"""Rights and row policies of the tables for people, accounts, sign-in and staff."""

from dataclasses import replace

from accounts.models.account import SETTINGS
from accounts.models.approval_triggers import PERMISSIONS_TO_ASK
from ledger.db.rights.policies import (
    AUDITS,
    DECIDES,
    GIVES_GROUPS,
    IS_OWN_ACCOUNT,
    IS_STAFF,
    LOCKS_ACCOUNTS,
    LOOKS_AFTER_PEOPLE,
    NOBODY,
    PERSON,
    READS_BANK,
    READS_DIRECTORY,
    READS_PEOPLE,
    SIGNS_IN,
    Policy,
    by_staff,
    may,
    of_person,
    part_of,
)
from ledger.db.rights.registered_tables import EVERYTHING, READ, Table, register

# The policy of the table `counterparties` limits this subquery to counterparties of the user's
# accounts.
IS_COUNTERPARTY = """EXISTS (
    SELECT FROM row_security.counterparties AS known
    WHERE known.other_id = accounts.id
)"""
ASKS = may(*sorted({name.partition(".")[2] for name in PERMISSIONS_TO_ASK.values()}))
# The rows that are needed to sign in: the person's own rows, and the rows that a sign-in must find.
WHO_SIGNS_IN = f"user_id = {PERSON} OR {SIGNS_IN} OR {LOOKS_AFTER_PEOPLE}"
SIGN_INS = Policy(reads=f"{WHO_SIGNS_IN} OR {AUDITS}", writes=WHO_SIGNS_IN, changes=WHO_SIGNS_IN)
WHAT_A_GROUP_MAY_DO = "what each group may do; set by migrations"
REGISTER = Policy(reads=AUDITS, writes=NOBODY)  # the triggers of the table owner insert the rows
ERASED = "erased with the person"


def _of_right(column: str, writes: str) -> Policy:
    """Returns the policy of a table that stores the rights of people. A person can read the rows
    with the person's own rights, but cannot write them.
    """
    return Policy(reads=f"{column} = {PERSON} OR {READS_PEOPLE}", writes=writes)


PEOPLE = {
    "users": Table(
        web="SELECT, INSERT, UPDATE",
        # Locking a row requires the right to update a column. The function erase_person() changes
        # the other columns.
        worker="SELECT, UPDATE (last_login)",
        hidden_from_worker="password",
        hidden_from_auditor="password",
        # Includes the owners of readable accounts. `masks` limits these rows to the name.
        rows=Policy(
            reads=f"id = {PERSON} OR {READS_PEOPLE} OR {READS_DIRECTORY} OR EXISTS "
            "(SELECT FROM accounts WHERE accounts.user_id = users.id)",
            # New people are never staff.
            writes=f"id = {PERSON} OR ({SIGNS_IN} OR {may('add_user')})"
            " AND NOT is_staff AND NOT is_superuser AND household_id IS NULL",
            # A user who approves a request for a group makes the new member staff.
            changes=f"id = {PERSON} OR {SIGNS_IN} OR {LOOKS_AFTER_PEOPLE} OR {DECIDES}",
            locks=may("add_account"),  # opening an account first locks the row of its owner
        ),
        personal_data=f"name and address; {ERASED}",
    ),
    "households": Table(
        web="SELECT, INSERT, UPDATE (name)",
        worker="SELECT, UPDATE (name)",
        rows=Policy(reads=IS_STAFF, writes=may("add_household", "change_household")),
        personal_data="its name; erased when nobody lives there any more",
    ),
    # A sign-in adds and removes the groups that are decided by the identity provider.
    "users_groups": Table(
        web="SELECT, INSERT, DELETE",
        worker=READ,
        rows=_of_right(
            "user_id", f"{GIVES_GROUPS} OR {SIGNS_IN} AND row_security.is_of_provider(group_id)"
        ),
        personal_data="groups of staff; deleted with the person",
    ),
    # Only a command creates superusers.
    "users_user_permissions": Table(
        web=READ,
        worker=READ,
        rows=_of_right("user_id", NOBODY),
        personal_data="permissions of staff; deleted with the person",
    ),
    "auth_group": Table(web=READ, worker=READ, rows=WHAT_A_GROUP_MAY_DO, personal_data="none"),
    "auth_group_permissions": Table(
        web=READ, worker=READ, rows=WHAT_A_GROUP_MAY_DO, personal_data="none"
    ),
    "auth_permission": Table(web=READ, worker=READ, rows=WHAT_A_GROUP_MAY_DO, personal_data="none"),
    "provider_groups": Table(
        web=READ, worker=READ, rows="settings of the bank", personal_data="none"
    ),
}
# The credentials of people: see Note [Hashes that the worker may not read].
SIGN_IN = {
    "account_emailaddress": Table(
        web=EVERYTHING,
        worker=READ,
        rows=SIGN_INS,
        personal_data="mail addresses; deleted with the person",
    ),
    "account_emailconfirmation": Table(
        web=EVERYTHING,
        worker=READ,
        rows=part_of("account_emailaddress", "email_address_id"),
        personal_data="when a mail was sent; deleted with its address",
    ),
    "mfa_authenticator": Table(
        web=EVERYTHING,
        worker=READ,
        hidden_from_worker="data",
        hidden_from_auditor="data",
        rows=SIGN_INS,
        personal_data="second factors; deleted with the person",
    ),
    # When a person is added to a group, the database checks whether the provider decides this
    # group.
    "socialaccount_socialaccount": Table(
        web=EVERYTHING,
        worker=READ,
        rows=replace(SIGN_INS, reads=f"{SIGN_INS.reads} OR {GIVES_GROUPS}"),
        personal_data="ids at identity providers; deleted with the person",
    ),
    # No token is stored, but Django queries the table.
    "socialaccount_socialtoken": Table(
        web="SELECT, DELETE",
        worker=READ,
        auditor="",
        rows=part_of("socialaccount_socialaccount", "account_id"),
        personal_data="none: it is empty",
    ),
    "socialaccount_socialapp": Table(
        web=READ,
        worker=READ,
        rows="empty: providers are in the settings",
        personal_data="none",
    ),
    # Only signed-in users can create a token. If the password is reset by mail, the existing tokens
    # end.
    "api_tokens": Table(
        web="SELECT, INSERT,"
        " UPDATE (last_used_at, last_used_from, revoked_at, revoked_by_id, reason)",
        worker="SELECT, DELETE, UPDATE (revoked_at, revoked_by_id, reason)",
        rows=replace(SIGN_INS, writes=f"user_id = {PERSON}"),
        personal_data="names of tokens and where they were used; deleted some time after their end",
    ),
    # Signing out begins a session without a user. It also inserts a row with the reason why the old
    # session ended.
    "sessions": Table(
        web=EVERYTHING,
        worker="SELECT, DELETE, UPDATE (wal_position)",  # to lock a row
        auditor="",
        hidden_from_worker="session_data",
        rows=replace(
            SIGN_INS, writes=f"{WHO_SIGNS_IN} OR user_id IS NULL AND {PERSON} IS NOT NULL"
        ),
        personal_data="device and place in words; deleted after its end",
    ),
    "django_session": Table(
        web=EVERYTHING,
        worker="SELECT, DELETE",
        rows="empty: sessions are in the table sessions",
        personal_data="none",
    ),
    "sign_ins": Table(
        web="SELECT, INSERT",
        worker="SELECT, DELETE",
        rows=SIGN_INS,
        personal_data="device and place in words; deleted after the retention period",
    ),
    "attempt_counts": Table(
        web=EVERYTHING,
        worker="",  # see Note [Codes in mails]
        auditor="",
        rows="limits on attempts, under digests of addresses",
        personal_data="digests of addresses and of mailed codes, for a day",
    ),
}
ACCOUNTS = {
    "accounts": Table(
        web=f"SELECT, INSERT, UPDATE ({', '.join(SETTINGS)})",
        worker="SELECT, UPDATE (name)",
        rows=Policy(
            reads=f"user_id = {PERSON} OR {READS_DIRECTORY} OR {IS_COUNTERPARTY}",
            writes=f"user_id = {PERSON} OR {may('add_account')}",
            changes=f"user_id = {PERSON} OR {may('change_account')}",
            locks=LOCKS_ACCOUNTS,
        ),
        personal_data=f"its name; {ERASED}. The account itself stays: books",
        instead="To open an account, call open_account of accounts.services (docs/django.md).",
    ),
    "currencies": Table(
        web="SELECT, INSERT, UPDATE (name, is_open)",
        worker=READ,
        rows=Policy(reads="true", writes=may("add_currency", "change_currency")),
        personal_data="none",
    ),
    "account_status_changes": Table(
        web="SELECT, INSERT",
        worker="SELECT, UPDATE (reason, message)",
        # An insert sets the status of the account. Only staff can freeze an account, and unfreeze
        # an account that staff have frozen.
        rows=Policy(
            reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}",
            writes=f"to_status = 'closed' AND {IS_OWN_ACCOUNT}"
            f" OR changed_by_id = {PERSON} AND {may('change_status')}",
        ),
        checked_first=True,
        personal_data=f"reasons and messages; {ERASED}",
    ),
    # An insert sets the limits. Managers insert the rows; people can read the rows of their
    # accounts.
    "limit_changes": Table(
        web="SELECT, INSERT",
        worker="SELECT, UPDATE (reason)",
        rows=Policy(
            reads=f"{READS_BANK} OR {IS_OWN_ACCOUNT}",
            writes=by_staff(may("change_limits"), "changed_by_id", "id"),
        ),
        checked_first=True,
        personal_data=f"reasons; {ERASED}",
    ),
}
STAFF = {
    # Requests and decisions cannot be made in the name of a colleague or manager.
    "approval_requests": Table(
        web="SELECT, INSERT, UPDATE (status, decided_by_id, decided_at, note)",
        worker="SELECT, UPDATE (reason, note, parameters)",
        rows=Policy(
            reads=READS_BANK,
            writes=f"requested_by_id = {PERSON} AND {ASKS}",
            changes=f"requested_by_id = {PERSON} OR {DECIDES}",
            becomes=f"requested_by_id = {PERSON} AND status = 'withdrawn'"
            f" OR decided_by_id = {PERSON} AND {DECIDES}",
        ),
        personal_data=f"reasons and texts of payments; {ERASED}",
    ),
    # The triggers of the table owner write this table.
    "approval_payments": Table(
        web=READ,
        worker=READ,
        rows=Policy(reads=READS_BANK, writes=NOBODY),
        personal_data="ids and amounts; kept, as the payments are",
    ),
    "approval_thresholds": Table(
        web=READ, worker=READ, rows="settings of the bank", personal_data="none"
    ),
    "staff_sums": Table(
        web=READ,
        worker=READ,
        # The triggers of the table owner write the rows
        rows=Policy(reads=IS_STAFF, writes=NOBODY),
        personal_data="sums of what each clerk did in a day without approval; kept",
    ),
    "changes": Table(
        web=READ,
        worker="SELECT, UPDATE (before, after, reason, address)",
        # The triggers of the table owner insert the rows
        rows=Policy(reads=READS_BANK, writes=NOBODY),
        personal_data=f"former names and addresses; {ERASED}",
    ),
    "reads": Table(
        web="SELECT, INSERT",
        worker="SELECT, DELETE, UPDATE (query, address)",
        rows=Policy(reads=READS_BANK, writes=f"reader_id = {PERSON}"),
        personal_data="what staff searched for; deleted after the retention period",
    ),
    "django_admin_log": Table(
        web="SELECT, INSERT",
        worker="SELECT, UPDATE (object_repr, change_message)",
        rows=of_person("user_id"),
        personal_data=f"names of what staff changed; {ERASED}",
    ),
    "row_register": Table(web=READ, worker=READ, rows=REGISTER, personal_data="none: ids"),
    "row_revisions": Table(
        web=READ, worker="SELECT, INSERT", rows=REGISTER, personal_data="none: ids"
    ),
    "row_removals": Table(
        web=READ, worker="SELECT, INSERT", rows=REGISTER, personal_data="none: ids"
    ),
}
register({**PEOPLE, **SIGN_IN, **ACCOUNTS, **STAFF})
