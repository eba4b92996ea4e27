from django.urls import path

from explorer.browse.views import browse
from explorer.pages import editor, history, reports

app_name = "explorer"
urlpatterns = [
    path("", editor.editor, name="editor"),
    path("browse/", browse, name="browse"),
    path("saved/<uuid:pk>/", editor.saved, name="saved"),
    path("saved/<uuid:pk>/delete/", editor.delete_saved, name="delete_saved"),
    path("reports/<slug:slug>/<int:number>/", reports.of_report, name="of_report"),
    path("history/", history.history, name="history"),
    path("history/<uuid:pk>/", history.run_again, name="run"),
]
