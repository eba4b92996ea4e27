from django.urls import path

from ledger.cookbook import views

app_name = "cookbook"
urlpatterns = [
    path("", views.index, name="index"),
    path("<slug:slug>/", views.recipe, name="recipe"),
]
