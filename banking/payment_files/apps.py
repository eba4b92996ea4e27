from django.apps import AppConfig


class PaymentFilesConfig(AppConfig):
    """Many payments in one file of a customer or of staff."""

    name = "banking.payment_files"
    verbose_name = "Transactions"  # the heading in the admin
