"""URLs under `/api/`.

The views are imported at their first request, because only these pages need REST framework and
drf-spectacular.
"""

from django.urls import include, path, re_path

from api.pages import documentation, nothing_here, openapi, problem_types
from ledger.web.lazy_views import LazyView

app_name = "api"
v1 = [
    path("openapi.json", openapi, name="openapi"),
    path("docs/", documentation, name="docs"),
    path("problems/", problem_types, name="problems"),
    path("accounts/", LazyView("api.accounts.views.AccountList"), name="accounts"),
    path("accounts/<uuid:pk>/", LazyView("api.accounts.views.AccountDetail"), name="account"),
    path(
        "accounts/<uuid:pk>/balance/", LazyView("api.accounts.views.AccountBalance"), name="balance"
    ),
    path("accounts/<uuid:pk>/entries/", LazyView("api.accounts.views.EntryList"), name="entries"),
    path(
        "accounts/<uuid:pk>/statement/",
        LazyView("api.accounts.statements.ChosenStatement"),
        name="statement",
    ),
    path(
        "accounts/<uuid:pk>/statements/",
        LazyView("api.accounts.statements.StatementList"),
        name="statements",
    ),
    path(
        "accounts/<uuid:pk>/statements/<int:number>/",
        LazyView("api.accounts.statements.StatementFile"),
        name="statement_file",
    ),
    path("transactions/", LazyView("api.transactions.views.TransactionList"), name="transactions"),
    path(
        "transactions/batch/",
        LazyView("api.transactions.batch_views.TransactionBatch"),
        name="batch",
    ),
    path("transactions/holds/", LazyView("api.transactions.verbs.Hold"), name="holds"),
    path(
        "transactions/<uuid:pk>/capture/",
        LazyView("api.transactions.verbs.Capture"),
        name="capture",
    ),
    path("transactions/<uuid:pk>/void/", LazyView("api.transactions.verbs.Void"), name="void"),
    path(
        "transactions/<uuid:pk>/refund/", LazyView("api.transactions.verbs.Refund"), name="refund"
    ),
    path(
        "transactions/<uuid:pk>/",
        LazyView("api.transactions.views.TransactionDetail"),
        name="transaction",
    ),
    path("transactions/<uuid:pk>/note/", LazyView("api.notes.Note"), name="note"),
    path(
        "transactions/<uuid:pk>/category/",
        LazyView("api.categories.TransactionCategory"),
        name="category",
    ),
    path("payment-files/", LazyView("api.payment_files.PaymentFileList"), name="payment_files"),
    path(
        "payment-files/<uuid:pk>/",
        LazyView("api.payment_files.PaymentFileDetail"),
        name="payment_file",
    ),
    path(
        "payment-files/<uuid:pk>/lines/",
        LazyView("api.payment_files.PaymentFileLines"),
        name="payment_file_lines",
    ),
    path(
        "payment-files/<uuid:pk>/pay/",
        LazyView("api.payment_files.PaymentFilePay"),
        name="payment_file_pay",
    ),
    path("reports/", LazyView("api.reports.ReportList"), name="reports"),
    path("reports/<slug:slug>/", LazyView("api.reports.ReportDetail"), name="report"),
    path("search/", LazyView("api.search.Search"), name="search"),
    path("tags/", LazyView("api.notes.TagList"), name="tags"),
    path("categories/", LazyView("api.categories.CategoryList"), name="categories"),
    path(
        "categories/changes/",
        LazyView("api.categories.CategoryChangeList"),
        name="category_changes",
    ),
    path(
        "categories/changes/<uuid:pk>/",
        LazyView("api.categories.CategoryChangeDetail"),
        name="category_change",
    ),
    path("payees/", LazyView("api.payees.PayeeList"), name="payees"),
    path("payees/saved/", LazyView("api.saved_payees.SavedPayeeList"), name="saved_payees"),
    path("payees/saved/<uuid:pk>/", LazyView("api.saved_payees.SavedPayee"), name="saved_payee"),
    path(
        "standing-orders/",
        LazyView("api.standing_orders.StandingOrderList"),
        name="standing_orders",
    ),
    path(
        "standing-orders/<uuid:pk>/",
        LazyView("api.standing_orders.StandingOrderDetail"),
        name="standing_order",
    ),
    path(
        "standing-orders/<uuid:pk>/amount/",
        LazyView("api.standing_orders.OrderAmount"),
        name="standing_order_amount",
    ),
    path(
        "standing-orders/<uuid:pk>/skip/",
        LazyView("api.standing_orders.OrderSkip"),
        name="standing_order_skip",
    ),
    path(
        "standing-orders/<uuid:pk>/pause/",
        LazyView("api.standing_orders.OrderPause"),
        name="standing_order_pause",
    ),
    path(
        "standing-orders/<uuid:pk>/resume/",
        LazyView("api.standing_orders.OrderResume"),
        name="standing_order_resume",
    ),
    path(
        "standing-orders/<uuid:pk>/end/",
        LazyView("api.standing_orders.OrderEnd"),
        name="standing_order_end",
    ),
    path("events", LazyView("api.events.EventList"), name="events"),
    path("audit/", LazyView("api.audit.AuditState"), name="audit"),
]
urlpatterns = [path("v1/", include(v1)), re_path("", nothing_here, name="nothing_here")]
