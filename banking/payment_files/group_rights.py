"""The permissions of staff groups for reading payment files. Paying a file requires the permission
for the cash desk.
"""

from accounts.groups import READERS_OF_THE_BANK, let

let(*READERS_OF_THE_BANK, do=["payment_files.view_paymentfile"])
