"""What groups of staff may do with files of payments; who pays them has the cash desk."""

from accounts.groups import READERS_OF_THE_BANK, let

let(*READERS_OF_THE_BANK, do=["payment_files.view_paymentfile"])
