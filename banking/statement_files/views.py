"""The page with the monthly statements of an account, the downloads of statement files, and the
page that checks statements.
"""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.requests import PersonRequest
from accounts.sign_in.limits import MINUTE, Limit, passes, passes_for_client
from banking.statement_files.checking import (
    CheckTooSlow,
    checked_choice,
    checked_digest,
    digest_in,
)
from banking.statement_files.chosen import ChosenEntries, file_of_choice
from banking.statement_files.document import FileTooLong
from banking.statement_files.files import LABELS, check_page_of
from banking.statement_files.models import MonthlyStatement
from banking.statement_files.monthly import file_of_month, statement_of
from ledger.db.rights.row_security import RowScope, reading
from ledger.web.table_files import refused
from transactions.statements.forms import StatementForm

DIGEST_LENGTH = 200  # maximum number of characters of a typed digest, with spaces
NO_STATEMENT = (
    "No numbered statement of this bank has that digest. Compare the digest with your "
    "statement again. To check a statement without a number, scan its code, or click the code "
    "in the PDF."
)
NO_DIGEST = "A digest has 64 letters and digits: 0 to 9 and a to f. Type all of them."
CHECKS_OF_CLIENT = Limit("statement_checks", 30, 5 * MINUTE)
CHECKS_OF_ALL = Limit("all_statement_checks", 600, 5 * MINUTE)
CHECKED_OFTEN = "Many statements were checked in the last minutes. Try again in five minutes."
TAKES_LONG = (
    "The search of this statement takes too long, or another statement is being checked. Try again "
    "in a minute. If this happens again, ask the holder for a statement of a whole month."
)
NO_CHOICE = "This bank did not make that code, or the code was not copied completely."


class DigestForm(forms.Form):
    """The form for the digest that is printed at the end of a numbered statement."""

    digest = forms.CharField(
        label="Digest", max_length=DIGEST_LENGTH,
        help_text="The 64 letters and digits at the end of the statement. Spaces do not matter.",
    )  # fmt: skip

    def clean_digest(self) -> bytes:
        """Returns the typed digest as bytes.

        Raises: ValidationError if the text is not a digest.
        """
        digest = digest_in(self.cleaned_data["digest"])
        if digest is None:
            raise forms.ValidationError(NO_DIGEST)
        return digest


@require_safe
def monthly_list(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows the numbered statements of an account, newest first."""
    account = get_object_or_404(Account, pk=pk, user=request.user)
    statements = MonthlyStatement.objects.of(account).newest_first().defer("names", "digest")
    context = {"account": account, "statements": statements, "labels": LABELS}
    return render(request, "statement_files/list.html", context)


@require_safe
def monthly_file(request: PersonRequest, pk: Any, number: int, kind: str) -> HttpResponseBase:
    """Returns a numbered statement as a file."""
    if kind not in LABELS:
        raise Http404
    statement = statement_of(request.user, pk, number)
    if statement is None:
        raise Http404
    try:
        return file_of_month(statement, kind, check_page=check_page_of(request))
    except FileTooLong as refusal:
        return refused(str(refusal), "csv")


@require_safe
def chosen_file(request: PersonRequest, pk: Any, kind: str) -> HttpResponseBase:
    """Returns a file with all entries of an account that match the filters in the URL, as on the
    account's page.
    """
    account = get_object_or_404(Account.objects.select_related("user"), pk=pk, user=request.user)
    form = StatementForm(request.GET)
    if not form.is_valid():
        message = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return refused(message, "csv")
    choice = ChosenEntries.of(account, form.filters)
    try:
        return file_of_choice(choice, kind, check_page=check_page_of(request))
    except FileTooLong as refusal:
        return refused(str(refusal), "csv")


@login_not_required
@require_safe
@cache_control(private=True, no_store=True)
def check(request: HttpRequest) -> HttpResponse:
    """Shows the bank's records of a statement, so that a person can compare them with a printed
    statement. Anybody who has the digest or the code can open the page without signing in.
    """
    token, is_typed = request.GET.get("choice", ""), "digest" in request.GET
    form = DigestForm(request.GET if is_typed else None)
    checked, problem, status = None, "", 200
    with reading(RowScope.BANK):
        if (token or is_typed) and not _may_check(request):
            problem, status = CHECKED_OFTEN, 429
        elif token:
            try:
                checked = checked_choice(token)
                problem = "" if checked else NO_CHOICE
            except CheckTooSlow:
                problem, status = TAKES_LONG, 503
        elif is_typed and form.is_valid():
            checked = checked_digest(form.cleaned_data["digest"])
            problem = "" if checked else NO_STATEMENT
    form = DigestForm() if checked else form  # shows an empty form, for another statement
    context = {"form": form, "checked": checked, "problem": problem}
    return render(request, "statement_files/check.html", context, status=status)


def _may_check(request: HttpRequest) -> bool:
    """Returns whether two rate limits allow the check, and counts the check. The limits exist
    because a check reads all entries of a statement.

    The limit per client comes first. So the refused checks of one client do not count in the limit
    for all clients.
    """
    return passes_for_client(CHECKS_OF_CLIENT, request) and passes(CHECKS_OF_ALL, "")
