from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from ledger.db.migrations_done import at_newest


class TransactionsConfig(AppConfig):
    """How money moves, and every page that shows it."""

    name = "transactions"

    def ready(self) -> None:
        """Grants the database roles their rights and installs policies after each migration.
        Checks audits. Listens for sign-ins from new devices.
        """
        from django.core.checks import register

        from accounts.models import SignIn
        from accounts.sign_in.events import new_device
        from transactions.alerts.services import tell_of_new_device
        from transactions.audit.deploy_checks import check_audit
        from transactions.origins import FINDERS
        from transactions.payment_files.origin import file_of
        from transactions.privacy.lifting import drop_functions, install_functions
        from transactions.rights import grant_rights
        from transactions.row_security.installation import apply, lift_masks_before_migration
        from transactions.standing_orders.origin import order_of

        FINDERS.extend((file_of, order_of))
        register(check_audit, deploy=True)
        new_device.connect(tell_of_new_device, sender=SignIn)
        pre_migrate.connect(lift_masks_before_migration, sender=self)
        pre_migrate.connect(drop_functions, sender=self)
        post_migrate.connect(at_newest(install_functions), sender=self, weak=False)
        post_migrate.connect(grant_rights, sender=self)
        post_migrate.connect(at_newest(lambda **_signal: apply()), sender=self, weak=False)
