from django.urls import path

from cookbook import views
from cookbook.exercises import views as exercise_views
from cookbook.files import source_file
from cookbook.lab import views as lab_views

app_name = "cookbook"
urlpatterns = [
    path("", views.index, name="index"),
    path("learn/", exercise_views.learn, name="learn"),
    path("learn/<slug:slug>/", exercise_views.exercise, name="exercise"),
    path("lab/", lab_views.lab, name="lab"),
    path("lab/<slug:table>/", lab_views.lab_table, name="lab_table"),
    path("groups/<slug:slug>/", views.group, name="group"),
    path("<slug:slug>/", views.recipe, name="recipe"),
    path("<slug:slug>/file/", source_file, {"of_the_bank": False}, name="recipe_file"),
    path("<slug:slug>/in-the-bank/", source_file, {"of_the_bank": True}, name="bank_file"),
    path("<path:slug>/", views.not_found),
]
