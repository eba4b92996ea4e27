"""The admin pages that do not belong to a model. These URLs come before the URLs of
`admin.site`.
"""

from django.contrib import admin
from django.urls import path

from transactions.staff.approvals.page import approval_step, approvals_page
from transactions.staff.find.page import find_anything

urlpatterns = [
    path("approvals/", admin.site.admin_view(approvals_page), name="admin_approvals"),
    path("approvals/<uuid:pk>/", admin.site.admin_view(approval_step), name="admin_approval_step"),
    path("search/", admin.site.admin_view(find_anything), name="admin_search"),
]
