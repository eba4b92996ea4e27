"""The columns of transactions in lists of the admin, and the fields of a transaction's page."""

import json

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime

from accounts.admin.parts import amount_cell, link_to, moment_cell
from accounts.models import Account
from ledger.db.json_numbers import ExactNumberEncoder
from ledger.text.dates import exact, long_date
from ledger.text.lines import cut, visible
from ledger.text.money import NOTHING, account_number, money
from transactions.lifecycle import lifecycle_of, state_label_of
from transactions.models import StaffReason, Transaction
from transactions.models.transaction import CATEGORY_LENGTH


class TransactionColumns(admin.ModelAdmin):  # type: ignore[type-arg]
    """The columns of the transaction list and the fields of the transaction page."""

    @admin.display(description="Time")
    def time(self, row: Transaction) -> str:
        return moment_cell(row.created_at)

    @admin.display(description="Value date")
    def counts_from(self, row: Transaction) -> str:
        return long_date(row.value_date)

    @admin.display(description="Status")
    def state(self, row: Transaction) -> str:
        """Returns the state in words. Sends no query."""
        return state_cell(row, state_label_of(row))

    @admin.display(description="Status")
    def state_long(self, row: Transaction) -> str:
        return state_cell(row, lifecycle_of(row).state_label)

    @admin.display(description="Type")
    def kind(self, row: Transaction) -> str:
        return row.kind.capitalize()

    @admin.display(description="Expires")
    def expires(self, row: Transaction) -> str:
        return moment_cell(row.expires_at)

    @admin.display(description="Description")
    def words(self, row: Transaction) -> str:
        category = cut(visible(row.category or ""), CATEGORY_LENGTH)
        return format_html('{} <span class="quiet">{}</span>', row.description, category)

    @admin.display(description="From")
    def sender(self, row: Transaction) -> str:
        return _side(row.from_account)

    @admin.display(description="To")
    def recipient(self, row: Transaction) -> str:
        return _side(row.to_account)

    @admin.display(description="Amount")
    def amount_shown(self, row: Transaction) -> str:
        return amount_cell(row.amount, row.currency)

    @admin.display(description="Amount")
    def amount_long(self, row: Transaction) -> str:
        return money(row.amount, row.currency)

    @admin.display(description="Balance after")
    def from_after(self, row: Transaction) -> str:
        return money(row.from_balance, row.currency) or NOTHING

    @admin.display(description="Balance after")
    def to_after(self, row: Transaction) -> str:
        return money(row.to_balance, row.currency) or NOTHING

    @admin.display(description="Category")
    def category_text(self, row: Transaction) -> str:
        return visible(row.category or "") or NOTHING

    @admin.display(description="Metadata")
    def metadata_text(self, row: Transaction) -> str:
        text = json.dumps(row.metadata, cls=ExactNumberEncoder, indent=2, ensure_ascii=False)
        return (
            format_html('<pre class="metadata">{}</pre>', visible(text))
            if row.metadata
            else NOTHING
        )

    @admin.display(description="Booked by")
    def created_by_link(self, row: Transaction) -> str:
        return link_to(row.created_by) or NOTHING

    @admin.display(description="Other transactions")
    def links(self, row: Transaction) -> str:
        lifecycle = lifecycle_of(row)
        related = [
            *(("captures the", hold) for hold in [lifecycle.hold] if hold),
            *(("captured by", capture) for capture in [lifecycle.capture] if capture),
            *(("takes back", original) for original in [lifecycle.original] if original),
            *(("refunded by", reversal) for reversal in lifecycle.reversals),
        ]
        lines = [(word, link_to(other, _short(other))) for word, other in related]
        if lifecycle.reversals:
            lines.append(("left to refund", money(lifecycle.left, row.currency)))
        return format_html_join("", "<div>{} {}</div>", lines) or NOTHING

    @admin.display(description="Reasons")
    def staff_reasons(self, row: Transaction) -> str:
        """Returns HTML with the reasons of staff for this transaction, its capture and its
        refunds.
        """
        lines = ((reason_line(reason),) for reason in lifecycle_of(row).reasons)
        return format_html_join("", "<div>{}</div>", lines) or NOTHING


def state_cell(row: Transaction, label: str) -> str:
    """Returns the label as HTML. For a pending hold with an expiry, the tooltip contains the exact
    time of the expiry.
    """
    if not row.is_pending or row.expires_at is None:
        return label
    iso, at = row.expires_at.isoformat(), exact(localtime(row.expires_at))
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, at, label)


def reason_line(reason: StaffReason) -> str:
    """Returns a reason as HTML, such as "Refunded by Clerk, 20 November 2026, 08:33:12: Wrong
    size".
    """
    label = format_html(
        "{} by {}, {}: {}",
        reason.get_action_display(),
        reason.written_by or "the bank",
        moment_cell(reason.created_at),
        reason.reason,
    )
    if not reason.message:
        return label
    return format_html(
        '{} <span class="quiet">The customer reads: {}</span>', label, reason.message
    )


def _side(account: Account | None) -> str:
    """Returns a link to the account with the holder's name, or "outside the bank" for None."""
    if account is None:
        return "outside the bank"
    number = account_number(account.number)
    whole = format_html('<span class="review__number">{}</span>', number)
    return link_to(account, format_html("{}, {} {}", account.user, account.name, whole))


def _short(row: Transaction) -> str:
    return f"{row.kind} of {money(row.amount, row.currency)}"
