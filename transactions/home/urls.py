from django.urls import path

from ledger.web.table_files import paths_of_files
from transactions.home.add_money import add_money
from transactions.home.views import home, latest_file

urlpatterns = [
    path("", home, name="home"),
    path("add-money/", add_money, name="add_money"),
    *paths_of_files("latest", latest_file, "latest"),
]
