from django.urls import path

from transactions.home.views import home

urlpatterns = [path("", home, name="home")]
