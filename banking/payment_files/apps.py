from django.apps import AppConfig


class PaymentFilesConfig(AppConfig):
    """Many payments in one file, uploaded by a customer or by staff."""

    name = "banking.payment_files"
    verbose_name = "Transactions"  # the heading in the admin
