"""The models of payment files and their lines."""

from banking.payment_files.models.payment_file import PaymentFile, PaymentLine

__all__ = [
    "PaymentFile",
    "PaymentLine",
]
