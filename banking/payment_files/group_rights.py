"""The permissions of staff groups on payment files. Paying them needs the permission for the cash
desk.
"""

from accounts.groups import READERS_OF_THE_BANK, let

let(*READERS_OF_THE_BANK, do=["payment_files.view_paymentfile"])
