from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from ledger.db.migrating.done import at_newest


class TransactionsConfig(AppConfig):
    """The app of payments, holds and refunds."""

    name = "transactions"

    def ready(self) -> None:
        """Registers functions that Django calls before and after migrations. These functions grant
        rights and install policies and database functions. Also registers the deploy check about
        audits.
        """
        from django.core.checks import register

        from ledger.db.rights.grants import grant_rights
        from transactions.audit.deploy_checks import check_audit
        from transactions.privacy.lifting import drop_functions, install_functions
        from transactions.row_security.installation import apply, lift_masks_before_migration

        register(check_audit, deploy=True)
        pre_migrate.connect(lift_masks_before_migration, sender=self)
        pre_migrate.connect(drop_functions, sender=self)
        post_migrate.connect(at_newest(install_functions), sender=self, weak=False)
        post_migrate.connect(grant_rights, sender=self)
        post_migrate.connect(at_newest(lambda **_signal: apply()), sender=self, weak=False)
