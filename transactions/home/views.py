"""The home page, and its latest entries as a file.

Note [Where work begins]: the home page is empty for people without an account. So staff are
redirected to the admin, and analysts to the reports, after every kind of sign-in.
"""

from functools import partial

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Account, User
from accounts.requests import PersonRequest
from ledger.text.addresses import with_parameters
from ledger.web.table_files import table_response
from transactions.account_news import NewsPosition
from transactions.home.file import latest_table
from transactions.home.reads import daily_balances, home_of, latest_entries
from transactions.models import Entry
from transactions.scope import may_read_bank
from transactions.search.address import EVERY_PAYMENT, search_url
from transactions.work_panel import page_panel, page_work

IN_SHELL = """from transactions.home.reads import home_of

home_of(User.objects.get(email={email!r}))"""


@require_safe
def home(request: PersonRequest) -> HttpResponse:
    """Shows the money in each currency, the accounts, the pending holds and the latest entries.
    Staff and analysts without an account are redirected, see Note [Where work begins].
    """
    with page_work(request) as work:
        found = home_of(request.user)
    if not found.accounts and (work_page := work_page_of(request.user)):
        return redirect(work_page)
    panel = page_panel(
        request,
        work,
        url=partial(with_parameters, reverse("home")),
        parts=(home_of, Entry.objects.latest_of, daily_balances),
        in_shell=IN_SHELL.format(email=request.user.email),
        shows="UNION ALL of index ranges, LATERAL",
        known=(account.pk for account in found.accounts),
    )
    position = NewsPosition.now(found.accounts)
    context = {"home": found, "panel": panel, "position": position}
    context["all_payments_url"] = search_url(EVERY_PAYMENT)
    return render(request, "transactions/home.html", context)


def work_page_of(reader: User) -> str:
    """Returns the URL name of the page that staff or analysts see first, or "" for customers."""
    if reader.is_staff:
        return "admin:index"
    return "transactions:reports" if may_read_bank(reader) else ""


@require_safe
def latest_file(request: PersonRequest, kind: str) -> HttpResponseBase:
    """Returns the latest entries of the home page as a file, newest first."""
    accounts = list(Account.objects.owned_by(request.user).not_closed())
    return table_response(latest_table(latest_entries(request.user, accounts)), kind)
