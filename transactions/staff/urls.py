"""Pages of the admin that belong to no model. They stand before those of `admin.site`."""

from django.contrib import admin
from django.urls import path

from transactions.staff.find.page import find_anything

urlpatterns = [
    path("search/", admin.site.admin_view(find_anything), name="admin_search"),
]
