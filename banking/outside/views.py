"""The pages of outside accounts and their imports. Only the owner can open them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.requests import PersonRequest
from banking.outside import services
from banking.outside.duplicates import entries_like, lookalikes_of
from banking.outside.file import accounts_table, entries_table
from banking.outside.file_parts import stored_file
from banking.outside.formats.csv_columns import guess
from banking.outside.formats.lines import MAX_BYTES, UnreadableStatement
from banking.outside.formats.sheet import sheet_of
from banking.outside.forms import (
    ColumnsForm,
    OutsideAccountForm,
    OutsideChangeForm,
    UploadForm,
)
from banking.outside.models import OutsideAccount, OutsideEntry, OutsideImport, all_one_way
from banking.outside.reads import (
    accounts_of,
    difference_of,
    doubts_of,
    entry_page,
    imported_before,
    imports_of,
    totals_of,
)
from ledger.db.ids import uuid7_for
from ledger.text.lines import counted
from ledger.text.money import figure
from ledger.web.table_files import table_response
from ledger.web.uploads import reads_file
from transactions.exceptions import LedgerError

State = OutsideImport.State
LINES_PER_PAGE = 50
NOT_AS_BEFORE = (
    "This is the result with the columns of your last file. Check the meaning of the columns here."
)


@require_safe
def account_list(request: PersonRequest) -> HttpResponse:
    """Shows the outside accounts of the signed-in person, with their balances."""
    accounts = accounts_of(request.user)
    context = {"accounts": accounts, "totals": totals_of(accounts)}
    return render(request, "outside/list.html", context)


@require_safe
def list_file(request: PersonRequest, kind: str) -> HttpResponseBase:
    """Returns the list of outside accounts as a file."""
    return table_response(accounts_table(accounts_of(request.user)), kind)


@require_http_methods(["GET", "HEAD", "POST"])
def account_new(request: PersonRequest) -> HttpResponse:
    """Shows the form for a new outside account. A POST opens the account and redirects to the
    upload form.
    """
    form = OutsideAccountForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        data = form.cleaned_data
        id = uuid7_for(request.user.pk, data.pop("id"))
        try:
            account = services.open_account(owner=request.user, id=id, **data)
        except LedgerError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(_upload_url(account))
    return render(request, "outside/new.html", {"form": form})


@require_safe
def account_page(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows the entries of an account by day, each with the balance after it. Also shows the
    imports into the account.
    """
    account = _account(request, pk)
    page, days = entry_page(account, request.GET.get("page"))
    context = {
        "account": account, "page": page, "days": days, "imports": imports_of(account),
        "upload_url": _upload_url(account), "difference": difference_of(account),
    }  # fmt: skip
    return render(request, "outside/account.html", context)


@require_safe
def entries_file(request: PersonRequest, pk: Any, kind: str) -> HttpResponseBase:
    """Returns a file with all entries of an account. Sends the file while reading the entries."""
    return table_response(entries_table(_account(request, pk)), kind)


@require_http_methods(["GET", "HEAD", "POST"])
def account_change(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows the form for the name and the opening balance. A POST saves the values that the person
    changed.
    """
    account = _account(request, pk)
    initial = {"name": account.name, "opening": figure(account.opening, account.currency)}
    data = request.POST if request.method == "POST" else None
    form = OutsideChangeForm(data, initial=initial, currency=account.currency)
    if not form.is_valid():
        context = {"form": form, "account": account, "difference": difference_of(account)}
        return render(request, "outside/change.html", context)
    services.change_account(account=account, **form.changes)
    return redirect("transactions:outside_account", account.pk)


@require_POST
def account_remove(request: PersonRequest, pk: Any) -> HttpResponse:
    """Removes an account with its imports and entries."""
    account = OutsideAccount.objects.owned_by(request.user).filter(pk=pk).first()
    if account is not None:
        services.remove_account(account=account)
        messages.success(request, f"{account.name} is removed, with its entries.")
    return redirect("transactions:outside")


@reads_file(MAX_BYTES)
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: PersonRequest) -> HttpResponse:
    """Shows the upload form. A POST stores the file if it can be read, and redirects to the page of
    the import.
    """
    if request.method != "POST":
        initial = {"account": request.GET.get("account", "")}
        return _upload_form(request, UploadForm(initial=initial, user=request.user))
    form = UploadForm(request.POST, request.FILES, user=request.user)
    if not form.is_valid():
        return _upload_form(request, form)
    data = form.cleaned_data
    try:
        source = services.upload(
            data["file"].file,
            account=data["account"],
            name=data["file"].name,
            id=uuid7_for(request.user.pk, data["id"]),
        )
    except (UnreadableStatement, LedgerError) as refusal:
        form.add_error("file", str(refusal))
        return _upload_form(request, form)
    if source.refusal:
        messages.warning(request, f"{source.refusal} {NOT_AS_BEFORE}")
    return _next(source)


@reads_file()
@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows the guessed meaning of the columns of a CSV file. A POST reads the file with the
    columns that the person chose.
    """
    source = _import(request, pk)
    if source.format != "csv" or source.state in (State.IMPORTED, State.UNDONE):
        return redirect("transactions:outside_import", source.pk)
    with stored_file(source) as file:
        sheet = sheet_of(file, allow_unknown=True, is_checked=True)
    known = source.mapping or guess(sheet, source.currency)
    data = request.POST if request.method == "POST" else None
    form = ColumnsForm(data, sheet=sheet, known=known)
    if form.is_valid():
        try:
            return _next(services.name_columns(source=source, mapping=form.mapping))
        except (UnreadableStatement, LedgerError) as refusal:
            form.add_error(None, str(refusal))
    context = {"form": form, "source": source, "sheet": sheet}
    return render(request, "outside/columns.html", context)


@reads_file()
@require_http_methods(["GET", "HEAD", "POST"])
def import_page(request: PersonRequest, pk: Any) -> HttpResponse:
    """Shows an import: its progress, its preview, or its result. A POST runs the action of the
    pressed button, such as confirm or undo.
    """
    source = _import(request, pk)
    if request.method == "POST":
        return _answered(request, source)
    if source.state == State.COLUMNS:
        return redirect("transactions:outside_columns", source.pk)
    context: dict[str, Any] = {"source": source, "account": source.account}
    if source.state == State.PREVIEW:
        lines = OutsideEntry.objects.for_reading(source)
        page = Paginator(lines, LINES_PER_PAGE).get_page(request.GET.get("page"))
        lookalikes = lookalikes_of(source, page)
        alike = [line for line in page if line.pk in lookalikes.ids]
        texts = dict(zip(alike, entries_like(source.account, alike), strict=True))
        context |= {"page": page, "lookalikes": lookalikes}
        context["lines"] = [(line, texts.get(line)) for line in page]
        context["other_count"] = source.new_count - lookalikes.count
        context["one_way"] = all_one_way(OutsideEntry.objects.of(source))
        context["doubts"] = source.doubts or doubts_of(source)
        context["before"] = imported_before(source)
    return render(request, "outside/import.html", context)


def _upload_url(account: OutsideAccount) -> str:
    """Returns the URL of the upload form with this account selected."""
    return f"{reverse('transactions:outside_upload')}?account={account.pk}"


def _answered(request: PersonRequest, source: OutsideImport) -> HttpResponse:
    here = reverse("transactions:outside_import", args=[source.pk])
    step = request.POST.get("step")
    try:
        if step == "read":
            return _read(request, source)
        if step == "order":
            order = "mdy" if request.POST.get("order") == "mdy" else "dmy"
            return _next(services.read_in_order(source=source, order=order))
        if step == "confirm":
            done = services.confirm(
                source=source,
                with_duplicates=request.POST.get("doubles") == "yes",
                with_lookalikes=request.POST.get("lookalikes") != "no",
            )
            messages.success(request, f"Imported: {counted(done.entry_count, 'line')}.")
        elif step == "undo":
            services.undo(source=source)
            messages.success(request, f"{source.name} is undone. Its entries are deleted.")
        elif step == "discard":
            services.discard(source=source)
            messages.success(request, f"{source.name} is discarded. Nothing was imported.")
        else:
            return redirect(here)
    except (UnreadableStatement, LedgerError) as refusal:
        messages.warning(request, str(refusal))
        return redirect(here)
    return redirect("transactions:outside_account", source.account_id)


def _read(request: PersonRequest, source: OutsideImport) -> HttpResponse:
    """Stores lines of the preview: one step if the request comes from htmx, and all lines
    otherwise.
    """
    read = services.read_step if request.htmx else services.read_rest
    source = read(source)
    if source.state == State.READING:
        return render(request, "outside/_reading.html", {"source": source})
    return redirect("transactions:outside_import", source.pk)


def _next(source: OutsideImport) -> HttpResponse:
    """Redirects to the page of the import. If all lines of the preview fit into one step, stores
    them first.
    """
    if source.state == State.READING and source.line_count <= services.STEP:
        services.read_rest(source)
    return redirect("transactions:outside_import", source.pk)


def _account(request: PersonRequest, pk: UUID) -> OutsideAccount:
    return get_object_or_404(OutsideAccount.objects.owned_by(request.user).with_balance(), pk=pk)


def _import(request: PersonRequest, pk: UUID) -> OutsideImport:
    return get_object_or_404(OutsideImport.objects.owned_by(request.user).with_account(), pk=pk)


def _upload_form(request: PersonRequest, form: UploadForm) -> HttpResponse:
    return render(request, "outside/upload.html", {"form": form})
