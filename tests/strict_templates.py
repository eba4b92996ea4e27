"""Each name that a template of ours uses is in its context; Django would show nothing instead.

Optional are: what a `default` filter follows; OPTIONAL; and in an `{% if %}` the parameters of a
template in `templates/includes`. A part of a name that is there (`payment.note`) may be missing in
an `{% if %}` and in a `{% for %}`.
"""

from typing import Any

from django.template.base import FilterExpression, Variable, VariableDoesNotExist

from ledger.env import BASE_DIR

OURS = f"{BASE_DIR / 'templates'}/"
INCLUDED = f"{OURS}includes/"
# What only some views of a page give, and views of allauth, and the demo.
OPTIONAL = frozenset(
    "attachment_form codes demo_mail demo_sign_ins form is_not_found issued note_form panel pending"
    " position released save_form token_fail tries_again".split()
)

_resolve = FilterExpression.resolve


def strict_resolve(self: Any, context: Any, ignore_failures: bool = False) -> Any:
    """In place of `FilterExpression.resolve`: raises an AssertionError for a name without value."""
    found = _resolve(self, context, ignore_failures)
    if found in ("", None) and isinstance(self.var, Variable) and self.var.lookups:
        _check(self, context, is_tested=ignore_failures)
    return found


def _check(expression: Any, context: Any, *, is_tested: bool) -> None:
    """Raises an AssertionError unless the expression has a value, or may have none."""
    template = str(context.render_context.template.origin.name)
    if not template.startswith(OURS):
        return
    name = expression.var.lookups[0]
    is_there = name in context
    if is_tested and (is_there or name in OPTIONAL or template.startswith(INCLUDED)):
        return
    if any(function.__name__ == "default" for function, _ in expression.filters):
        return
    try:
        expression.var.resolve(context)
    except VariableDoesNotExist:
        where = template.removeprefix(OURS)
        raise AssertionError(f"{where}: {expression.token} has no value") from None
