from django.apps import AppConfig
from django.db.models.signals import post_init, post_migrate

from ledger.db import replicas
from ledger.db.history import facts
from ledger.db.history.signed_facts import store_keys
from ledger.db.migrating.done import at_newest
from ledger.text import currencies


class AccountsConfig(AppConfig):
    """The app with people, their accounts and sign-in."""

    name = "accounts"

    def ready(self) -> None:
        from allauth.account.signals import user_logged_in
        from allauth.mfa.signals import authenticator_used
        from allauth.socialaccount.signals import social_account_added, social_account_removed
        from django.contrib.admin.models import LogEntry
        from django.core.checks import register

        from accounts.approvals import write_thresholds
        from accounts.deploy_checks import check_thresholds
        from accounts.groups import fill_groups
        from accounts.models.change import RECORDED
        from accounts.read_log import note_entry
        from accounts.sign_in import allauth_rows, events
        from accounts.sign_in.notices import notify_of_recovery_code
        from accounts.sign_in.providers import group_map, linking, sign_out

        currencies.look_up_by(_minor_units)
        facts.recorded.update(RECORDED)
        replicas.not_shown.update({"sessions", "cache", "reads", "attempt_counts"})
        events.connect()
        allauth_rows.insert_only_new_rows()
        allauth_rows.lock_connections()
        post_init.connect(note_entry, sender=LogEntry)
        authenticator_used.connect(notify_of_recovery_code)
        register(check_thresholds, deploy=True)
        group_map.check_names()
        user_logged_in.connect(sign_out.keep_in_session)
        social_account_added.connect(linking.record_connected)
        social_account_removed.connect(linking.record_disconnected)
        post_migrate.connect(at_newest(fill_groups), weak=False)
        for write in (write_thresholds, group_map.write_provider_groups, _store_keys):
            post_migrate.connect(at_newest(write), sender=self, weak=False)


def _store_keys(**_signal: object) -> None:
    store_keys()


def _minor_units(code: str) -> int | None:
    from accounts.models import Currency

    found = Currency.objects.filter(code=code).values_list("minor_units", flat=True)
    return found.first()
