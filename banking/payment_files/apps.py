from django.apps import AppConfig


class PaymentFilesConfig(AppConfig):
    """The app for payment files: files with many payments that a customer or staff upload."""

    name = "banking.payment_files"
    verbose_name = "Transactions"  # the heading of the app in the admin
