"""The database rights on the tables of alerts. Triggers and a job write alerts."""

from ledger.db.rights.policies import AUDITS, IS_OWN, IS_OWN_ACCOUNT, NOBODY, OF_OWNER, Policy
from ledger.db.rights.registered_tables import EVERYTHING, Table, register, register_functions

CHOSEN_FOR_OWN = f"{IS_OWN} AND (account_id IS NULL OR {IS_OWN_ACCOUNT})"
register(
    {
        "alert_choices": Table(
            # update_or_create writes created_at too.
            web="SELECT, INSERT, UPDATE (amount, mail, created_at), DELETE",
            worker="SELECT, DELETE",
            rows=Policy(
                reads=f"{IS_OWN} OR {AUDITS}",
                writes=CHOSEN_FOR_OWN,
                changes=IS_OWN,
                becomes=CHOSEN_FOR_OWN,
            ),
            personal_data="the alerts that somebody has chosen; deleted with the person",
        ),
        "alerts": Table(
            web="SELECT, UPDATE (read_at)",
            worker=EVERYTHING,
            rows=Policy(reads=f"{IS_OWN} OR {AUDITS}", writes=NOBODY, changes=IS_OWN),
            personal_data="alerts of somebody; deleted after the retention period",
        ),
        "alert_times": Table(
            web=EVERYTHING,
            worker="SELECT, DELETE",
            rows=OF_OWNER,
            personal_data="when somebody wants mails; deleted with the person",
        ),
    }
)
register_functions("tell_of_new_device(uuid)", "stop_alert_mails(uuid, text)", web=True)
