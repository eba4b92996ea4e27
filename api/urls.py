"""The addresses under `/api/`."""

from django.urls import include, path, re_path

from api import payment_files as files
from api import standing_orders as orders
from api.accounts import statements
from api.accounts import views as accounts
from api.audit import AuditState
from api.events import EventList
from api.notes import Note, TagList
from api.pages import documentation, nothing_here, openapi, problem_types
from api.payees import PayeeList
from api.reports import ReportDetail, ReportList
from api.saved_payees import SavedPayee, SavedPayeeList
from api.search import Search
from api.transactions import verbs
from api.transactions import views as transactions
from api.transactions.batch_views import TransactionBatch

app_name = "api"
v1 = [
    path("openapi.json", openapi, name="openapi"),
    path("docs/", documentation, name="docs"),
    path("problems/", problem_types, name="problems"),
    path("accounts/", accounts.AccountList.as_view(), name="accounts"),
    path("accounts/<uuid:pk>/", accounts.AccountDetail.as_view(), name="account"),
    path("accounts/<uuid:pk>/balance/", accounts.AccountBalance.as_view(), name="balance"),
    path("accounts/<uuid:pk>/entries/", accounts.EntryList.as_view(), name="entries"),
    path("accounts/<uuid:pk>/statement/", statements.ChosenStatement.as_view(), name="statement"),
    path("accounts/<uuid:pk>/statements/", statements.StatementList.as_view(), name="statements"),
    path(
        "accounts/<uuid:pk>/statements/<int:number>/",
        statements.StatementFile.as_view(),
        name="statement_file",
    ),
    path("transactions/", transactions.TransactionList.as_view(), name="transactions"),
    path("transactions/batch/", TransactionBatch.as_view(), name="batch"),
    path("transactions/holds/", verbs.Hold.as_view(), name="holds"),
    path("transactions/<uuid:pk>/capture/", verbs.Capture.as_view(), name="capture"),
    path("transactions/<uuid:pk>/void/", verbs.Void.as_view(), name="void"),
    path("transactions/<uuid:pk>/refund/", verbs.Refund.as_view(), name="refund"),
    path("transactions/<uuid:pk>/", transactions.TransactionDetail.as_view(), name="transaction"),
    path("transactions/<uuid:pk>/note/", Note.as_view(), name="note"),
    path("payment-files/", files.PaymentFileList.as_view(), name="payment_files"),
    path("payment-files/<uuid:pk>/", files.PaymentFileDetail.as_view(), name="payment_file"),
    path(
        "payment-files/<uuid:pk>/lines/",
        files.PaymentFileLines.as_view(),
        name="payment_file_lines",
    ),
    path("payment-files/<uuid:pk>/pay/", files.PaymentFilePay.as_view(), name="payment_file_pay"),
    path("reports/", ReportList.as_view(), name="reports"),
    path("reports/<slug:slug>/", ReportDetail.as_view(), name="report"),
    path("search/", Search.as_view(), name="search"),
    path("tags/", TagList.as_view(), name="tags"),
    path("payees/", PayeeList.as_view(), name="payees"),
    path("payees/saved/", SavedPayeeList.as_view(), name="saved_payees"),
    path("payees/saved/<uuid:pk>/", SavedPayee.as_view(), name="saved_payee"),
    path("standing-orders/", orders.StandingOrderList.as_view(), name="standing_orders"),
    path("standing-orders/<uuid:pk>/", orders.StandingOrderDetail.as_view(), name="standing_order"),
    path(
        "standing-orders/<uuid:pk>/amount/",
        orders.OrderAmount.as_view(),
        name="standing_order_amount",
    ),
    path("standing-orders/<uuid:pk>/skip/", orders.OrderSkip.as_view(), name="standing_order_skip"),
    path(
        "standing-orders/<uuid:pk>/pause/", orders.OrderPause.as_view(), name="standing_order_pause"
    ),
    path(
        "standing-orders/<uuid:pk>/resume/",
        orders.OrderResume.as_view(),
        name="standing_order_resume",
    ),
    path("standing-orders/<uuid:pk>/end/", orders.OrderEnd.as_view(), name="standing_order_end"),
    path("events", EventList.as_view(), name="events"),
    path("audit/", AuditState.as_view(), name="audit"),
]
urlpatterns = [path("v1/", include(v1)), re_path("", nothing_here, name="nothing_here")]
