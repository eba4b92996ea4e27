"""The views that read files, by name."""

from api.parsing import MAX_BYTES as BODY_OF_A_LIST
from banking.attachments.content import MAX_UPLOAD_BYTES
from banking.outside.formats.lines import MAX_BYTES as STATEMENT
from banking.payment_files.parser import MAX_BYTES as PAYMENTS

# Sizes of files in bytes.
UPLOADS = {
    "transactions:file_new": PAYMENTS,
    "transactions:outside_upload": STATEMENT,
    "transactions:attachment_new": MAX_UPLOAD_BYTES,
    "admin:payment_files_paymentfile_add": PAYMENTS,
    "admin:reconciliation_reconciliation_add": STATEMENT,
    "api:batch": BODY_OF_A_LIST,
    "api:payment_files": PAYMENTS,
}
READ_AGAIN = ("transactions:outside_columns", "transactions:outside_import")
