"""Registers the descriptions of the rules that the database enforces in the tables of people,
accounts, sign-in and staff.
"""

from ledger.db.table_rules import TableRule, register

register(
    "users",
    TableRule(
        "`user_email_lowercase`, with a unique column; `user_times_finite`",
        "a second person with the same address in another case; times before 1900 or without end",
    ),
    TableRule(
        "trigger `superuser_by_command`",
        "a new superuser, unless the owner of the tables makes them",
    ),
    TableRule(
        "trigger `user_rights_end_sessions`",
        "a lower `session_version`. If the staff or superuser flag or `deleted_at` changes, the"
        " trigger increases it, which ends the person's sessions",
    ),
    TableRule(
        "trigger `staff_before_groups`",
        "staff status, given by a page to a member of a group that moves money, changes limits,"
        " approves or assigns groups",
    ),
)
register(
    "account_emailaddress",
    TableRule(
        "`unique_verified_email`, `unique_primary_email`",
        "an address that two people have confirmed; a second main address of one person",
    ),
)
register(
    "mfa_authenticator",
    TableRule(
        "`unique_authenticator_type`",
        "a second authenticator app or set of recovery codes of one person",
    ),
)
register(
    "users_groups",
    TableRule(
        "trigger `group_needs_approval`",
        "a page that adds a person to a group that moves money, changes limits, approves or"
        " assigns groups, without an approved request. Groups that the identity provider assigns"
        " are allowed (`provider_groups`)",
    ),
    TableRule(
        "trigger `group_membership_ends_sessions`",
        "nothing. The trigger increases `session_version` of the people whose rights change",
    ),
)
register(
    "users_user_permissions",
    TableRule(
        "trigger `person_permission_ends_sessions`",
        "nothing. The trigger increases `session_version` of the people whose rights change",
    ),
)
register(
    "auth_group_permissions",
    TableRule(
        "trigger `group_permission_ends_sessions`",
        "nothing. The trigger increases `session_version` of the people whose rights change",
    ),
)
register(
    "api_tokens",
    TableRule(
        "`api_token_scopes_known`, `api_token_text_digested`, `api_token_limits_positive`,"
        " `api_token_limits_have_currency`, `api_token_times_finite`",
        "unknown scopes; a token in place of its digest; a limit of zero or without a currency;"
        " infinite times",
    ),
    TableRule(
        "triggers `api_token_stays`, `api_token_end_is_final`, `api_token_ends_first`",
        "any change, except the end of a token (once) and its last use; deleting a token that"
        " still works",
    ),
    TableRule(
        "`api_token_revoked_with_reason`; trigger `api_token_by_its_owner`",
        "revoking without a reason; a token that a page makes for a person who is not signed in",
    ),
)
register(
    "accounts",
    TableRule(
        "`balance_non_negative`, `available_non_negative`, `held_non_negative`,"
        " `overdraft_limit_non_negative`, `limits_positive`",
        "a balance below zero without an overdraft; payments and holds above balance and"
        " overdraft; negative limits",
    ),
    TableRule("`account_amounts_finite`; trigger `account_times_finite`", "NaN and infinity"),
    TableRule(
        "trigger `account_choices_valid`",
        "unknown statuses, and unknown values of settings",
    ),
    TableRule(
        "trigger `account_currency_valid`; `account_currency_exists` (composite foreign key)",
        "an account in a currency that is closed or missing; deleting a currency that has"
        " accounts, or changing its minor units. The trigger also sets `minor_units`",
    ),
    TableRule(
        "`closed_account_is_empty`; trigger `closed_account_stays_closed`",
        "closing an account with money in it; changing a closed account",
    ),
    TableRule(
        "trigger `balance_follows_rows`",
        "an UPDATE of `balance`, `held` or `last_entry_at`. Only inserted transactions, and holds"
        " that end, change these columns",
    ),
    TableRule(
        "trigger `status_has_a_change`",
        "an UPDATE of `status` or `closed_at`. Only a new row of `account_status_changes` changes"
        " them",
    ),
    TableRule(
        "triggers `account_opens_empty`, `account_opens_without_overdraft`",
        "a new account that has money, or is frozen or closed; a new account with an overdraft,"
        " unless the owner of the tables opens it",
    ),
    TableRule("`account_id_currency_unique`", "nothing. Composite foreign keys refer to it"),
)
register(
    "currencies",
    TableRule(
        "`currency_code_valid`, `currency_name_given`, `currency_minor_units_valid`",
        "small letters; an empty name; more than 4 decimals",
    ),
    TableRule(
        "trigger `currency_needs_approval_at_first`; `currency_minor_units_unique`",
        "nothing. The trigger sets the threshold of a new currency to 0; a composite foreign key"
        " refers to the unique constraint",
    ),
)
register(
    "account_status_changes",
    TableRule(
        "triggers `status_change_continues`, `status_by_its_author`, `status_change_stays`,"
        " `status_changes_stay`, `status_follows_changes`",
        "a row whose old status is not the account's present status; staff who change the status"
        " of their or their household's account (also: `status_by_stranger`); an author who is"
        " missing or not signed in; changing or deleting rows. `status_follows_changes` sets the"
        " status of the account",
    ),
)
register(
    "limit_changes",
    TableRule(
        "triggers `limit_change_stays`, `limit_changes_stay`, `limits_follow_changes`",
        "changing or deleting rows. `limits_follow_changes` sets the limits of the account to the"
        " values in the row. It uses an approval if there is one; otherwise it adds the increase"
        " to the sums of the day",
    ),
    TableRule(
        "triggers `limit_change_is_allowed`, `limits_by_their_author`",
        "staff who change the limits of their or their household's accounts (also:"
        " `limits_by_stranger`); an author who is missing or not signed in, unless the change was"
        " approved for this author with this reason",
    ),
)
register(
    "staff_sums",
    TableRule(
        "triggers `sum_within_threshold` (at COMMIT), `sum_only_grows`, `sum_stays`, `sums_stay`",
        "amounts of a clerk above the daily threshold without an approval (also:"
        " `needs_approval`); a smaller sum; changing or deleting it",
    ),
)
register(
    "approval_requests",
    TableRule("`approval_by_another_person`", "a decision by the person who made the request"),
    TableRule(
        "`approval_status_valid`, `approval_kind_valid`, `approval_within_request`,"
        " `approval_names_person`, `approval_expires`, `approval_done_is_used`",
        "a decision without a person or time; an unknown action; using more than was approved; a"
        " request for a group without a person, or another request with a person; waiting longer"
        " than 31 days; a request that is done but was not used",
    ),
    TableRule(
        "triggers `request_begins_pending`, `request_stays`, `requests_stay`,"
        " `request_by_its_author`",
        "a new request that is already decided; deleting a request; a request in the name of a"
        " person who is not signed in",
    ),
    TableRule(
        "trigger `request_changes_by_decision`, also during an erasure",
        "any change except one decision and its use. A decision is refused if the person is not a"
        " manager (also: `decided_by_manager`), is not signed in (`decided_by_its_author`), or if"
        " the request is about this person or their household (`decided_by_stranger`) or has"
        " expired (`request_not_expired`). A use is refused for another row than the approved row"
        " (`request_used_by_rows`)",
    ),
    TableRule(
        "triggers `request_texts_stay`, `request_asks_the_same`",
        "changing the texts of a request (its note may change only with the decision); changing"
        " what is requested, also during an erasure",
    ),
    TableRule(
        "trigger `request_for_limits`",
        "a request for limits by a person who may not change limits (also:"
        " `limits_asked_by_manager`); a request that does not change anything"
        " (`limits_asked_change`); a second open request of the same person for the account, and"
        " any isolation level except READ COMMITTED, because the first request may be invisible"
        " there (`limits_asked_once`)",
    ),
    TableRule(
        "trigger `request_is_for_others`",
        "a request that concerns the person who makes it, or their household. The trigger also"
        " sets the times",
    ),
)
register(
    "approval_payments",
    TableRule(
        "triggers `approval_payment_stays`, `approval_payments_stay`, `payments_are_for_others`",
        "changing or deleting rows; a payment to the person who makes the request, or to their"
        " household (also: `request_is_for_others`)",
    ),
)
register(
    "changes",
    TableRule(
        "triggers `change_stays`, `changes_stay`",
        "changing or deleting rows. The trigger `change_is_recorded` of other tables inserts rows",
    ),
)
register(
    "row_register",
    TableRule(
        "triggers `registered_row_stays`, `registered_rows_stay`",
        "changing or deleting rows. The trigger `row_is_registered` of other tables inserts rows",
    ),
)
register(
    "row_revisions",
    TableRule(
        "triggers `revision_stays`, `revisions_stay`",
        "changing or deleting rows. The trigger `row_is_revised` of other tables inserts rows",
    ),
)
register(
    "row_removals",
    TableRule("triggers `removal_stays`, `removals_stay`", "changing or deleting rows"),
)
register(
    "reads",
    TableRule("triggers `read_stays`, `reads_stay`", "changing or deleting rows"),
    TableRule(
        "trigger `read_is_of_now`",
        "a row that a page inserts in the name of a person who is not in the signed facts (also:"
        " `read_by_its_reader`). The trigger sets the time",
    ),
)
register(
    "django_admin_log",
    TableRule(
        "triggers `log_entry_by_its_author`, `log_entry_is_of_now`",
        "a row that a page inserts in the name of a person who is not in the signed facts."
        " `log_entry_is_of_now` sets the time",
    ),
)
