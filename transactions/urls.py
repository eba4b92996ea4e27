from django.urls import path

from ledger.web.table_files import TYPES, paths_of_files
from transactions.alerts import views as alerts
from transactions.categories import budget_views as budgets
from transactions.categories import rule_views as rules
from transactions.categories import views as categories
from transactions.closing import views as closing
from transactions.events import views as events
from transactions.outside import views as outside
from transactions.payees import views as payees
from transactions.payment_files import views as payment_files
from transactions.privacy import views as privacy
from transactions.receipts import attachment_views as attachments
from transactions.receipts import views as receipts
from transactions.reports import save_views
from transactions.reports import views as reports
from transactions.search.page import views as search
from transactions.standing_orders import views as orders
from transactions.statement_files import views as statement_files
from transactions.statement_files.files import LABELS
from transactions.statements import views as statements
from transactions.transfers import views as transfers

app_name = "transactions"
urlpatterns = [
    path("accounts/<uuid:pk>/", statements.statement, name="statement"),
    path("accounts/<uuid:pk>/close/", closing.close_account, name="close"),
    *paths_of_files("accounts/<uuid:pk>/statement", statements.statement_file, "statement"),
    *(
        path(
            f"accounts/<uuid:pk>/statement.{kind}",
            statement_files.chosen_file,
            {"kind": kind},
            name=f"statement_{kind}",
        )
        for kind in LABELS
        if kind not in TYPES
    ),
    path("accounts/<uuid:pk>/statements/", statement_files.monthly_list, name="monthly_statements"),
    path(
        "accounts/<uuid:pk>/statements/<int:number>.<slug:kind>",
        statement_files.monthly_file,
        name="monthly_statement",
    ),
    path("statements/check/", statement_files.check, name="statement_check"),
    path("transfers/new/", transfers.transfer, name="transfer"),
    path("transfers/files/", payment_files.file_list, name="files"),
    *paths_of_files("transfers/files/files", payment_files.list_file, "files"),
    path("transfers/files/new/", payment_files.file_new, name="file_new"),
    path("transfers/files/example.csv", payment_files.file_example, name="file_example"),
    path("transfers/files/<uuid:pk>/", payment_files.file_page, name="file"),
    *paths_of_files("transfers/files/<uuid:pk>/result", payment_files.file_result, "file_result"),
    path("payees/", payees.payee_list, name="payees"),
    *paths_of_files("payees/payees", payees.list_file, "payees"),
    path("payees/new/", payees.payee_new, name="payee_new"),
    path("payees/<uuid:pk>/", payees.payee_change, name="payee"),
    path("payees/<uuid:pk>/remove/", payees.payee_remove, name="payee_remove"),
    path("categories/", categories.categories, name="categories"),
    path("categories/<uuid:change>/undo/", categories.undo, name="categories_undo"),
    path("categories/rules/", rules.rules, name="category_rules"),
    path("categories/rules/new/", rules.rule_new, name="category_rule_new"),
    path("categories/rules/<uuid:pk>/", rules.rule_change, name="category_rule"),
    path("categories/rules/<uuid:pk>/apply/", rules.rule_apply, name="category_rule_apply"),
    path("categories/rules/<uuid:pk>/move/", rules.rule_move, name="category_rule_move"),
    path("categories/rules/<uuid:pk>/remove/", rules.rule_remove, name="category_rule_remove"),
    path("budgets/", budgets.budgets, name="budgets"),
    *paths_of_files("budgets/budgets", budgets.budgets_file, "budgets"),
    path("budgets/new/", budgets.budget_new, name="budget_new"),
    path("budgets/<uuid:pk>/", budgets.budget_change, name="budget"),
    path("budgets/<uuid:pk>/remove/", budgets.budget_remove, name="budget_remove"),
    path("outside/", outside.account_list, name="outside"),
    *paths_of_files("outside/outside-accounts", outside.list_file, "outside"),
    path("outside/new/", outside.account_new, name="outside_new"),
    path("outside/upload/", outside.upload, name="outside_upload"),
    path("outside/imports/<uuid:pk>/", outside.import_page, name="outside_import"),
    path("outside/imports/<uuid:pk>/columns/", outside.columns, name="outside_columns"),
    path("outside/<uuid:pk>/", outside.account_page, name="outside_account"),
    *paths_of_files("outside/<uuid:pk>/entries", outside.entries_file, "outside_entries"),
    path("outside/<uuid:pk>/change/", outside.account_change, name="outside_change"),
    path("outside/<uuid:pk>/remove/", outside.account_remove, name="outside_remove"),
    path("standing-orders/", orders.order_list, name="standing_orders"),
    *paths_of_files("standing-orders/standing-orders", orders.list_file, "standing_orders"),
    path("standing-orders/new/", orders.order_new, name="standing_order_new"),
    path("standing-orders/<uuid:pk>/", orders.order_detail, name="standing_order"),
    path("standing-orders/<uuid:pk>/amount/", orders.order_amount, name="standing_order_amount"),
    *(
        path(
            f"standing-orders/<uuid:pk>/{action}/",
            orders.order_change,
            {"action": action},
            name=f"standing_order_{action}",
        )
        for action in orders.ACTIONS
    ),
    path("alerts/", alerts.alert_list, name="alerts"),
    path("alerts/read/", alerts.read, name="alerts_read"),
    path("alerts/settings/", alerts.choices, name="alert_choices"),
    path("alerts/settings/<uuid:pk>/remove/", alerts.choice_remove, name="alert_choice_remove"),
    path("alerts/settings/times/", alerts.times, name="alert_times"),
    path("alerts/mails/<str:token>/end/", alerts.mails_end, name="alert_mails_end"),
    path("alerts/settings/<slug:kind>/", alerts.choice, name="alert_kind"),
    path("account/data/", privacy.data, name="data"),
    path("account/leave/", privacy.leave_bank, name="leave"),
    path("privacy/", privacy.privacy, name="privacy"),
    path("webhooks/", events.webhook_list, name="webhooks"),
    path("webhooks/new/", events.webhook_new, name="webhook_new"),
    path("webhooks/<uuid:pk>/", events.webhook_page, name="webhook"),
    path("webhooks/<uuid:pk>/events/", events.webhook_kinds, name="webhook_kinds"),
    path("webhooks/<uuid:pk>/secret/", events.webhook_secret, name="webhook_secret"),
    path("webhooks/<uuid:pk>/on/", events.webhook_on, name="webhook_on"),
    path("webhooks/<uuid:pk>/off/", events.webhook_off, name="webhook_off"),
    path("webhooks/<uuid:pk>/remove/", events.webhook_remove, name="webhook_remove"),
    path("webhooks/deliveries/<uuid:pk>/again/", events.delivery_again, name="delivery_again"),
    path("search/", search.search, name="search"),
    *paths_of_files("search/results", search.results_file, "search"),
    path("reports/", reports.report_list, name="reports"),
    path("reports/<slug:slug>/", reports.report, name="report"),
    path("reports/<slug:slug>/save/", save_views.save, name="save_report"),
    path("reports/saved/<uuid:pk>/remove/", save_views.remove, name="remove_report"),
    *paths_of_files("reports/<slug:slug>/report", reports.report_file, "report"),
    path("transactions/<uuid:pk>/", receipts.receipt, name="detail"),
    *paths_of_files("transactions/<uuid:pk>/sides", receipts.sides_file, "sides"),
    path("transactions/<uuid:pk>/note/", receipts.note, name="note"),
    path("transactions/<uuid:pk>/metadata.json", receipts.metadata, name="metadata"),
    path("attachments/new/", attachments.attachment_new, name="attachment_new"),
    path("attachments/<uuid:pk>/", attachments.attachment, name="attachment"),
    path("attachments/<uuid:pk>/remove/", attachments.attachment_remove, name="attachment_remove"),
]
