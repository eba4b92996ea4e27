"""Checks that the context contains each name that a template of the project uses. Django would show
nothing for a missing name.

Three kinds of names are optional: names before a `default` filter, names in OPTIONAL, and, in an
`{% if %}`, the parameters of a template in `templates/includes` or of a part of a page
(`_panel.html`) in the folder of an app. An attribute of an existing name (`payment.note`) may be
missing in an `{% if %}`, in a `{% for %}` and before a filter.
"""

import re
from typing import Any

from django.template.base import FilterExpression, Variable, VariableDoesNotExist

from ledger.env import BASE_DIR

OURS = f"{BASE_DIR / 'templates'}/"
INCLUDED = f"{OURS}includes/"
OF_APPS = re.compile(rf"{re.escape(str(BASE_DIR))}/\w+/\w+/templates/")
PART = re.compile(rf"{OF_APPS.pattern}.*/_\w+\.html")
# By template, the names that only some views or only the demo provide.
OPTIONAL = {
    "503.html": "form tries_again",
    "account/confirm_email_verification_code.html": "demo_mail",
    "account/confirm_login_code.html": "demo_mail",
    "account/email.html": "demo_mail",
    "account/login.html": "demo_sign_ins",
    "account/password_reset_done.html": "demo_mail",
    "account/password_reset_from_key.html": "token_fail",
    "accounts/security/new_token.html": "issued",
    "accounts/security/recovery_codes.html": "codes",
    "admin/accounts/account/change_form.html": "asks",
    "admin/base_site.html": "subtitle",
    "admin/database_health.html": "away",
    "admin/index.html": "app_label",
    "admin/object_history.html": "shows_changes",
    "admin/staff_page.html": "opts",
    "cookbook/index.html": "is_not_found",
    "transactions/report.html": "panel save_form",
    "transactions/statement.html": "pending position released",
    "transactions/transaction_receipt.html": "note_form",
}

# The file of an expression, by the id of the expression, which cannot have additional attributes.
FILES: dict[int, str] = {}

_init, _resolve = FilterExpression.__init__, FilterExpression.resolve


def remember_template(self: Any, token: str, parser: Any) -> None:
    """Replaces `FilterExpression.__init__`: also records the file of the expression."""
    _init(self, token, parser)
    FILES[id(self)] = str(getattr(parser.origin, "name", ""))


def strict_resolve(self: Any, context: Any, ignore_failures: bool = False) -> Any:
    """Replaces `FilterExpression.resolve`: raises an AssertionError for a name without a value."""
    found = _resolve(self, context, ignore_failures)
    file = FILES.get(id(self), "")
    if (
        (file.startswith(OURS) or OF_APPS.match(file))
        and isinstance(self.var, Variable)
        and self.var.lookups
    ):
        if self.var.lookups[0] not in context:
            _refuse_unless_optional(self, is_tested=ignore_failures)
        elif found in ("", None) and not ignore_failures:
            try:
                self.var.resolve(context)
            except VariableDoesNotExist:
                _refuse_unless_optional(self, is_tested=False)
    return found


def _refuse_unless_optional(expression: Any, *, is_tested: bool) -> None:
    file = FILES[id(expression)]
    where = OF_APPS.sub("", file).removeprefix(OURS)
    is_optional = expression.var.lookups[0] in OPTIONAL.get(where, "").split()
    has_default = any(function.__name__ == "default" for function, _ in expression.filters)
    is_parameter = is_tested and (file.startswith(INCLUDED) or PART.fullmatch(file) is not None)
    if not (is_optional or has_default or is_parameter):
        raise AssertionError(f"{where}: {expression.token} has no value")
