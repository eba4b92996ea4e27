"""The names of pages for the read log, which stores only paths."""

from typing import Any

from django.apps import apps
from django.urls import Resolver404, resolve

# The names of pages by URL pattern. If a page is not in this table and does not belong to a model,
# its path is shown.
NAMES = {
    "admin:index": "Overview",
    "admin_approvals": "Approvals",
    "admin_database": "Database",
    "admin_search": "Search of the admin",
    "admin:accounts_change_changelist": "History",
    "admin:accounts_read_changelist": "Reads",
    "admin:transactions_auditrun_changelist": "Audit and seals",
    "admin:transactions_transaction_cash_desk": "Cash desk",
    "transactions:search": "Search",
    "transactions:report": "Report",
    "transactions:search_csv": "Search, as a file",
    "transactions:search_json": "Search, as a file",
    "transactions:report_csv": "Report, as a file",
    "transactions:report_json": "Report, as a file",
    "api:report": "Report, by the API",
    "transactions:detail": "Receipt",
    "transactions:sides_csv": "Receipt, as a file",
    "transactions:sides_json": "Receipt, as a file",
    "transactions:metadata": "Metadata of a transaction",
}


def name_of_page(path: str) -> str:
    """Returns the name of the page at this path, such as "Account, history" for
    /admin/accounts/account/<id>/history/. Returns "" for an unknown page.
    """
    try:
        view_name = resolve(path).view_name
    except Resolver404:
        return ""
    if view_name in NAMES:
        return NAMES[view_name]
    for model in apps.get_models():
        options = model._meta
        prefix = f"admin:{options.app_label}_{options.model_name}_"
        if view_name.startswith(prefix):
            return _name_of_model_page(options, view_name.removeprefix(prefix))
    return ""


def _name_of_model_page(options: Any, page: str) -> str:
    if page == "changelist":
        return str(options.verbose_name_plural).capitalize()
    name = str(options.verbose_name).capitalize()
    return name if page == "change" else f"{name}, {page.replace('_', ' ')}"
