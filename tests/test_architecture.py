"""The laws of tests/architecture.py hold; and each of them notices what it is there for."""

from pathlib import Path

import pytest
from django.apps import apps

from tests import architecture
from tests.architecture import LAWS, Tree

ROOT = Path(__file__).parent.parent
HOUSE = Tree.of(ROOT)
COLUMNS = {
    model._meta.db_table: {str(field.column) for field in model._meta.local_concrete_fields}
    for model in apps.get_models(include_auto_created=True)
}
# law → a file that breaks it: where it lies, what it says.
BREACHES = [
    ("apps_import_downwards", "schedules/people/new.py", "from dispatching.models import Alert"),
    ("rooms_import_the_rooms_before_them", "dispatching/contact/new.py", "from dispatching.alerts import paging"),
    ("rooms_import_the_rooms_before_them", "dispatching/new_room/new.py", ""),
    ("rooms_import_the_rooms_before_them", "dispatching/new.py", ""),
    (
        "rooms_import_the_rooms_before_them",
        "dispatching/contact/lifecycle.py",
        HOUSE.texts[Path("dispatching/alerts/lifecycle.py")],
    ),
    (
        "rooms_import_the_rooms_before_them",
        "stakeholders/teams/new.py",
        "from stakeholders.definitions import defining",
    ),
    (
        "no_modules_import_each_other",
        "stakeholders/models/audience.py",
        "from stakeholders.models.bracket import Bracket",
    ),
    ("rules_import_the_standard_library_and_rules", "schedules/rules/new.py", "from django.utils import timezone"),
    ("nothing_is_imported_inside_a_function_or_relatively", "schedules/people/new.py", "def f():\n    import json"),
    ("nothing_is_imported_inside_a_function_or_relatively", "schedules/people/new.py", "from .reach import register"),
    ("nobody_imports_tasks", "config/new.py", "from dispatching.tasks import sweep"),
    ("files_and_functions_stay_short", "config/new.py", "\n" * 401),
    ("files_and_functions_stay_short", "config/new.py", "def f():\n" + "    pass\n" * 40),
    ("no_file_is_a_drawer_for_everything", "schedules/people/helpers.py", ""),
    ("file_names_mean_the_same_everywhere", "schedules/people/mail_api.py", "from django.http import JsonResponse"),
    ("file_names_mean_the_same_everywhere", "schedules/people/new.py", "class Teams(Resource):\n    pass"),
    (
        "file_names_mean_the_same_everywhere",
        "schedules/people/pages.py",
        "class TeamAdmin(admin.ModelAdmin):\n    pass",
    ),
    ("there_is_one_refused", "schedules/people/new.py", "class Refused(Exception):\n    pass"),
    ("nobody_reads_the_clock_of_the_host", "schedules/people/api.py", "now = timezone.now()"),
    ("nobody_reads_the_clock_of_the_host", "schedules/people/api.py", "stamp = time.time()"),
    ("nobody_reads_the_clock_of_the_host", "schedules/people/api.py", "from django.utils.timezone import now"),
    ("nobody_reads_the_clock_of_the_host", "schedules/people/api.py", "today = timezone.localdate()"),
    ("nobody_reads_the_clock_of_the_host", "schedules/people/api.py", "point = signing.loads(token, max_age=60)"),
    ("nobody_reads_the_clock_of_the_host", "schedules/models/new.py", "at = DateTimeField(default=timezone.now)"),
    ("nobody_reads_the_clock_of_the_host", "schedules/models/new.py", "at = DateTimeField(auto_now_add=True)"),
    ("nobody_reads_the_clock_of_the_host", "dispatching/alerts/links.py", "it = 'no longer dated'"),
    ("the_clock_is_read_at_the_edge", "dispatching/alerts/paging.py", "now = clock.now()"),
    ("the_clock_is_read_at_the_edge", "schedules/models/new.py", "at = DateTimeField(default=clock.now)"),
    ("the_clock_is_read_at_the_edge", "dispatching/alerts/paging.py", "from schedules.clock import now"),
    ("a_state_is_written_in_its_verb_module", "stakeholders/news/outages.py", "alert.state = Alert.State.RESOLVED"),
    ("a_state_is_written_in_its_verb_module", "stakeholders/news/outages.py", "alert.state = anything"),
    (
        "a_state_is_written_in_its_verb_module",
        "dispatching/alerts/paging.py",
        "State = Alert.State\nAlert.objects.filter(pk=1).update(state=State.RESOLVED)",
    ),
    (
        "a_state_is_written_in_its_verb_module",
        "dispatching/alerts/paging.py",
        "def f(to: Alert.State):\n    alert.state = to",
    ),
    ("a_state_is_written_in_its_verb_module", "dispatching/audit.py", "SQL = 'UPDATE dispatching_alert SET state = 1'"),
    ("sql_names_tables_of_its_own_app_or_below", "schedules/new.py", "SQL = 'SELECT FROM dispatching_alert'"),
]
MISNAMED = [
    ("SELECT id FROM dispatching_alerts", "dispatching_alerts"),
    ("SELECT alert.stat FROM dispatching_alert alert", "alert.stat"),
    ("SELECT FROM dispatching_alert WHERE dispatching_alert.gone", "dispatching_alert.gone"),
    ("INSERT INTO dispatching_batch (content_id, points) VALUES (1, 2)", "dispatching_batch.points"),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_house_keeps_the_law(law):
    assert law(HOUSE) == []


@pytest.mark.parametrize(
    ("law", "path", "text"), BREACHES, ids=[f"{law} {number}" for number, (law, *_) in enumerate(BREACHES)]
)
def test_the_law_notices(law, path, text):
    breached = getattr(architecture, law)
    assert set(breached(HOUSE.with_file(path, text))) - set(breached(HOUSE))


def test_the_law_notices_a_room_that_is_full_and_one_that_is_gone():
    full = HOUSE
    for number in range(architecture.FILES_IN_A_ROOM + 1):
        full = full.with_file(f"dispatching/new/new{number}.py", "")
    for number in range(architecture.FILES_AT_A_ROOT + 1):
        full = full.with_file(f"new/new{number}.py", "")
    assert architecture.rooms_have_room(full) == ["dispatching/new:1 has 21 files", "new:1 has 13 files"]
    without = Tree({path: text for path, text in HOUSE.texts.items() if path.parts[:2] != ("dispatching", "contact")})
    assert architecture.rooms_have_room(without) == ["dispatching:1 has no contact"]


def test_each_law_was_seen_to_notice_something():
    assert {law.__name__ for law in LAWS} == {"rooms_have_room", *(law for law, *_ in BREACHES)}


def test_templates_are_given_the_time():
    texts = {path: path.read_text() for path in (ROOT / "templates").rglob("*.*")}
    assert architecture.no_template_reads_the_clock_of_the_host(texts) == []


@pytest.mark.parametrize("text", ['{% now "H:i" %}', "{{ alert.first_at|timesince }}", "{{ at|naturaltime }}"])
def test_a_template_that_reads_the_clock_is_noticed(text):
    assert architecture.no_template_reads_the_clock_of_the_host({Path("new.html"): text}) == [
        "new.html:1 reads the clock"
    ]


def test_sql_names_what_the_models_have():
    assert architecture.sql_names_what_the_models_have(HOUSE, COLUMNS) == []


@pytest.mark.parametrize(("sql", "name"), MISNAMED, ids=[name for _, name in MISNAMED])
def test_a_wrong_name_in_sql_is_noticed(sql, name):
    house = HOUSE.with_file("dispatching/new.py", f"SQL = '{sql}'")
    assert architecture.sql_names_what_the_models_have(house, COLUMNS) == [f"dispatching/new.py:1 names {name}"]


def test_the_top_level_is_what_was_agreed():
    agreed = {"manage.py", "pyproject.toml", "README.md", "Makefile", "compose.yaml", "LICENSE", "requirements.lock"}
    folders = {"config", "dispatching", "stakeholders", "schedules", "templates", "tests", "docs", "benchmarks"}
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.name != "var"}
    assert there <= agreed | folders
