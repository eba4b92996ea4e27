"""The pages of the learning path: all parts with the progress, and a page for each exercise."""

from typing import Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.requests import PersonRequest
from cookbook.exercises import BY_SLUG, EXERCISES, PARTS
from cookbook.exercises.checking import MAX_ROWS, CheckedAnswer
from cookbook.exercises.exercise import Exercise
from cookbook.exercises.progress import answer, solved_by
from cookbook.practice.readiness import NoPracticeBank
from cookbook.practice.role import SECONDS
from cookbook.runner.page import page
from explorer.access import reader_for
from explorer.pages.forms import EditorForm
from explorer.running.limiter import ExplorerBusy, limited
from explorer.running.run import TOO_LONG
from explorer.running.session import NotSetUp


class AnswerForm(EditorForm):
    """The form of an exercise: a query without parameters and without a plan."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["plan"]
        self.fields["sql"].label = "Your SQL"
        self.fields["sql"].error_messages["required"] = "Type a query."


@require_safe
def learn(request: PersonRequest) -> HttpResponse:
    """Shows the parts of the learning path, and which exercises the person has solved."""
    solved = solved_by(request.user)
    context = {
        "parts": PARTS,
        "exercises": EXERCISES,
        "solved": solved,
        "solved_count": sum(exercise.slug in solved for exercise in EXERCISES),
        "next": next((each for each in EXERCISES if each.slug not in solved), None),
        "may_answer": reader_for(request.user) is not None,
        "trouble": None,
    }
    return page(request, "cookbook/learn.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def exercise(request: PersonRequest, slug: str) -> HttpResponse:
    """Shows an exercise. A POST request checks the answer. Only users of the explorer can answer,
    because an answer is SQL.
    """
    chosen = BY_SLUG.get(slug)
    may_answer = reader_for(request.user) is not None
    if chosen is None or (request.method == "POST" and not may_answer):
        raise Http404
    form = AnswerForm(request.POST if request.method == "POST" else None)
    checked: CheckedAnswer | None = None
    trouble: Exception | None = None
    if form.is_valid():
        try:
            with limited(request.user.pk):
                checked = answer(person=request.user, exercise=chosen, sql=form.cleaned_data["sql"])
        except (ExplorerBusy, NotSetUp, NoPracticeBank) as error:
            trouble = error
    context = {
        "exercise": chosen,
        "form": form if may_answer else None,
        "checked": checked,
        "trouble": trouble,
        "may_answer": may_answer,
        "solved_at": solved_by(request.user).get(slug),
        "rows": MAX_ROWS,
        "seconds": SECONDS,
        **_neighbours(chosen),
    }
    response = page(request, "cookbook/exercise.html", context)
    response.status_code = _status(form, checked, trouble)
    return response


def _status(form: AnswerForm, checked: CheckedAnswer | None, trouble: Exception | None) -> int:
    """Returns the status of the page: 400 for SQL that cannot run, 503 if the server is busy or the
    answer took too long.
    """
    if trouble is not None:
        return 503
    if form.is_bound and checked is None:
        return 400
    if checked is None or checked.result.was_run:
        return 200
    problem = checked.result.problem
    return 503 if problem is not None and problem.state == TOO_LONG else 400


def _neighbours(chosen: Exercise) -> dict[str, Exercise | None]:
    position = EXERCISES.index(chosen)
    return {
        "previous": EXERCISES[position - 1] if position else None,
        "next": EXERCISES[position + 1] if position + 1 < len(EXERCISES) else None,
    }
