"""Walks the URL resolver: every address of the site, filled in with the ids of one person.

`addresses(holder)` yields each URL pattern once for every row that fits its arguments. Patterns of
an admin's model need no entry here, only rows in `tests/attacks/bank.py`. Any other pattern with
arguments has its entry in `ARGUMENTS`; one that has none fails every walk with a sentence that says
where to add it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.account.utils import user_pk_to_url_str
from django.apps import apps
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.regex_helper import normalize

from banking.alerts.links import MailKind, token_of
from banking.alerts.models import AlertKind
from banking.statement_files.files import LABELS
from ledger.db.rights.registered_tables import TABLES
from tests.attacks.bank import Holder
from transactions.reports.catalogue import BY_SLUG

HERE = "tests/attacks/walk.py"
OF_A_MODEL = re.compile(r"admin/(\w+)/(\w+)/")
# Rows that are nobody's, like those without personal data: all who may see them see the same.
SHARED_MODELS = {"accounts.Household", "transactions.AuditRun"}

Filled = Iterable[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A URL pattern: its name with namespaces, its view, its route, and its parts to fill in."""

    name: str
    view: Any
    route: str
    template: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """A pattern with its arguments filled in. `is_of_holder` is False if nobody's id is in it."""

    pattern: Pattern
    url: str
    is_of_holder: bool

    @property
    def name(self) -> str:
        return self.pattern.name


def patterns() -> list[Pattern]:
    """Every pattern of the site, in the order in which Django tries them."""
    return list(_below(get_resolver().url_patterns, (), "", "", ()))


def _below(
    found: Sequence[URLPattern | URLResolver],
    namespaces: tuple[str, ...],
    route: str,
    template: str,
    arguments: tuple[str, ...],
) -> Iterator[Pattern]:
    for each in found:
        part, names = normalize(each.pattern.regex.pattern)[0]
        here = (route + str(each.pattern), template + part, (*arguments, *names))
        if isinstance(each, URLResolver):
            inside = (*namespaces, each.namespace) if each.namespace else namespaces
            yield from _below(each.url_patterns, inside, *here)
        else:
            name = ":".join([*namespaces, each.name]) if each.name else ""
            yield Pattern(name, each.callback, *here)


def _slugs_of_reports(_holder: Holder) -> Filled:
    return [{"slug": slug} for slug in BY_SLUG]


def _account(holder: Holder) -> Filled:
    return [{"pk": account.pk} for account in holder.accounts]


def _transaction(holder: Holder) -> Filled:
    return [{"pk": row.pk} for row in holder.transactions.values()]


def _file(holder: Holder) -> Filled:
    return [{"pk": file.pk} for file in holder.files]


def _saved_report(holder: Holder) -> Filled:
    return [{"pk": saved.pk} for saved in holder.saved_reports]


def _payee(holder: Holder) -> Filled:
    return [{"pk": payee.pk} for payee in holder.payees]


def _change(holder: Holder) -> Filled:
    return [{"change": given.change} for given in holder.categories]


def _change_of_api(holder: Holder) -> Filled:
    return [{"pk": given.change} for given in holder.categories]


def _attachment(holder: Holder) -> Filled:
    return [{"pk": attachment.pk} for attachment in holder.attachments]


def _budget(holder: Holder) -> Filled:
    return [{"pk": budget.pk} for budget in holder.budgets]


def _rule(holder: Holder) -> Filled:
    return [{"pk": rule.pk} for rule in holder.rules]


def _outside(holder: Holder) -> Filled:
    return [{"pk": source.account_id} for source in holder.imports]


def _import(holder: Holder) -> Filled:
    return [{"pk": source.pk} for source in holder.imports]


def _line(holder: Holder) -> Filled:
    return [
        {"pk": whose.pk, "number": line.number}
        for whose in holder.reconciliations
        for line in whose.lines.all()
    ]


def _order(holder: Holder) -> Filled:
    return [{"pk": order.pk} for order in holder.orders]


def _choice(holder: Holder) -> Filled:
    return [{"pk": choice.pk} for choice in holder.choices]


def _link_in_a_mail(holder: Holder) -> Filled:
    return [{"token": token_of(MailKind(holder.user.pk, AlertKind.MONEY_IN))}]


def _kinds_of_alerts(_holder: Holder) -> Filled:
    return [{"kind": kind} for kind in AlertKind.values]


def _monthly_statement(holder: Holder) -> Filled:
    return [
        {"pk": account.pk, "number": 1, "kind": kind}
        for account in holder.accounts
        for kind in LABELS
    ]


def _number_of_statement(holder: Holder) -> Filled:
    return [{"pk": account.pk, "number": 1} for account in holder.accounts]


def _approval(holder: Holder) -> Filled:
    return [{"pk": request.pk} for request in holder.approvals]


def _query(holder: Holder) -> Filled:
    return [{"pk": query.pk} for query in holder.queries]


def _run(holder: Holder) -> Filled:
    return [{"pk": run.pk} for run in holder.runs]


def _passkey(holder: Holder) -> Filled:
    return [{"pk": holder.passkey.pk}]


def _password_link(holder: Holder) -> Filled:
    """The person's own link with a wrong key: the right one is known to their mailbox alone."""
    return [{"uidb36": user_pk_to_url_str(holder.user), "key": "c0ffee-0123456789abcdef"}]


def _webhook(holder: Holder) -> Filled:
    return [{"pk": holder.webhook.pk}]


def _delivery(holder: Holder) -> Filled:
    return [{"pk": delivery.pk} for delivery in holder.webhook.deliveries.all()]


def _same(**values: str) -> Callable[[Holder], Filled]:
    return lambda _holder: [values]


# By the name of a pattern, or by its route if it has no name: the values of its arguments, by
# holder. One example of a slug is enough where all of them lead to one view without anybody's rows.
ARGUMENTS: dict[str, Callable[[Holder], Filled]] = {
    "account_reset_password_from_key": _password_link,
    "admin_approval_step": _approval,
    "admin:app_list": _same(app_label="accounts"),
    "admin:reconciliation_reconciliation_line": _line,
    "admin/(?P<url>.*)$": _same(url="nowhere/"),
    "api:account": _account,
    "api:balance": _account,
    "api:capture": _transaction,
    "api:category": _transaction,
    "api:category_change": _change_of_api,
    "api:entries": _account,
    "api:note": _transaction,
    "api:payment_file": _file,
    "api:payment_file_lines": _file,
    "api:payment_file_pay": _file,
    "api:refund": _transaction,
    "api:report": _slugs_of_reports,
    "api:saved_payee": _payee,
    "api:standing_order": _order,
    "api:standing_order_amount": _order,
    "api:standing_order_end": _order,
    "api:standing_order_pause": _order,
    "api:standing_order_resume": _order,
    "api:standing_order_skip": _order,
    "api:statement": _account,
    "api:statement_file": _number_of_statement,
    "api:statements": _account,
    "api:transaction": _transaction,
    "api:void": _transaction,
    "cookbook:exercise": _same(slug="accounts-above-a-thousand"),
    "cookbook:group": _same(slug="windows"),
    "cookbook:lab_table": _same(table="accounts"),
    "cookbook:recipe": _same(slug="rents-by-size"),
    "cookbook:recipe_file": _same(slug="rents-by-size"),
    "cookbook:bank_file": _same(slug="select-for-update"),
    "cookbook/<path:slug>/": _same(slug="no/where"),
    "explorer:delete_saved": _query,
    "explorer:of_report": _same(slug="money-by-month", number="1"),
    "explorer:run": _run,
    "explorer:saved": _query,
    "mfa_edit_webauthn": _passkey,
    "mfa_remove_webauthn": _passkey,
    "security:remove_passkey": _passkey,
    "transactions:attachment": _attachment,
    "transactions:attachment_remove": _attachment,
    "transactions:categories_undo": _change,
    "transactions:budget": _budget,
    "transactions:budget_remove": _budget,
    "transactions:category_rule": _rule,
    "transactions:category_rule_apply": _rule,
    "transactions:category_rule_move": _rule,
    "transactions:category_rule_remove": _rule,
    "transactions:delivery_again": _delivery,
    "transactions:detail": _transaction,
    "transactions:file": _file,
    "transactions:file_result_csv": _file,
    "transactions:file_result_json": _file,
    "transactions:metadata": _transaction,
    "transactions:note": _transaction,
    "transactions:payee": _payee,
    "transactions:payee_remove": _payee,
    "transactions:remove_report": _saved_report,
    "transactions:report": _slugs_of_reports,
    "transactions:report_csv": _slugs_of_reports,
    "transactions:report_json": _slugs_of_reports,
    "transactions:save_report": _slugs_of_reports,
    "transactions:sides_csv": _transaction,
    "transactions:sides_json": _transaction,
    "transactions:alert_mails_end": _link_in_a_mail,
    "transactions:alert_kind": _kinds_of_alerts,
    "transactions:alert_choice_remove": _choice,
    "transactions:outside_account": _outside,
    "transactions:outside_change": _outside,
    "transactions:outside_columns": _import,
    "transactions:outside_entries_csv": _outside,
    "transactions:outside_entries_json": _outside,
    "transactions:outside_import": _import,
    "transactions:outside_remove": _outside,
    "transactions:standing_order": _order,
    "transactions:standing_order_amount": _order,
    "transactions:standing_order_end": _order,
    "transactions:standing_order_pause": _order,
    "transactions:standing_order_resume": _order,
    "transactions:standing_order_skip": _order,
    "transactions:monthly_statement": _monthly_statement,
    "transactions:monthly_statements": _account,
    "accounts:settings": _account,
    "transactions:close": _account,
    "transactions:statement": _account,
    **{f"transactions:statement_{kind}": _account for kind in LABELS},
    "transactions:webhook": _webhook,
    "transactions:webhook_kinds": _webhook,
    "transactions:webhook_off": _webhook,
    "transactions:webhook_on": _webhook,
    "transactions:webhook_remove": _webhook,
    "transactions:webhook_secret": _webhook,
}
NOBODYS = (
    "admin:app_list", "admin/(?P<url>.*)$", "api:report", "cookbook", "explorer:of_report",
    "transactions:alert_kind", "transactions:report", "transactions:save_report",
)  # fmt: skip


def addresses(holder: Holder) -> list[Address]:
    """Every pattern filled in with the rows of one person; patterns without arguments once.

    Fails with a sentence for each pattern whose arguments nothing fills in.
    """
    found: dict[str, Address] = {}
    unfilled: list[str] = []
    for pattern in patterns():
        try:
            filled, is_of_holder = _filled(pattern, holder)
        except LookupError as error:
            unfilled.append(str(error))
            continue
        for values in filled:
            url = "/" + pattern.template % values
            found.setdefault(url, Address(pattern, url, is_of_holder))
    if unfilled:
        pytest.fail("\n".join(unfilled), pytrace=False)
    return list(found.values())


def _filled(pattern: Pattern, holder: Holder) -> tuple[Filled, bool]:
    """The values of each filled-in address, and whether they are rows of the holder."""
    key = pattern.name or pattern.route
    if not pattern.arguments:
        return [{}], False
    if key in ARGUMENTS:
        return ARGUMENTS[key](holder), not key.startswith(NOBODYS)
    if not OF_A_MODEL.match(pattern.route) or len(pattern.arguments) > 1:
        names = ", ".join(pattern.arguments)
        raise LookupError(
            f"The walk has no value for {names} of {key}: add {key!r} to ARGUMENTS in {HERE}."
        )
    rows, is_of_holder = _rows_of_admin(pattern, holder)
    (argument,) = pattern.arguments
    return [{argument: pk} for pk in rows], is_of_holder


def is_without_people(model: type[Model]) -> bool:
    """Whether the app of the table registers that it has no personal data."""
    return TABLES[model._meta.db_table].personal_data == "none"


def _rows_of_admin(pattern: Pattern, holder: Holder) -> tuple[list[Any], bool]:
    """The keys of the rows of an admin's model: those of the holder, or some that are nobody's."""
    model = apps.get_model(*OF_A_MODEL.match(pattern.route).groups())  # type: ignore[union-attr]
    if model._meta.label in SHARED_MODELS or is_without_people(model):
        return list(model._default_manager.values_list("pk", flat=True)[:1]), False
    rows = holder.rows_of(model)
    if rows is None:
        raise LookupError(
            f"The bank of the attacks has no row of {model.__name__} for {pattern.route}: add one "
            f"to each holder in tests/attacks/bank.py, or the model to SHARED_MODELS in {HERE}."
        )
    return [row.pk for row in rows], True
