"""Registers the descriptions of the rules that the database enforces in the table `attachments`."""

from ledger.db.table_rules import TableRule, register

register(
    "attachments",
    TableRule(
        "`attachment_kind_valid`, `attachment_size_valid`, `attachment_content_whole`; trigger"
        " `attachment_of_own_side`",
        "an unknown kind; more than 5 MB; a size that differs from the content's size; a file on a"
        " payment on which the person owns no account",
    ),
)
