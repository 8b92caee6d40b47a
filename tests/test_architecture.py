"""The shape that design.md fixes, held by reading the source: import order, purity, the clock at the edge, sizes."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APPS = ["schedules", "dispatching", "stakeholders", "config"]  # each may import those before it
# The rooms of each app, and the modules at its root, in their order: each may import those before it. Between rooms that
# share a line there is no import either way. The clockwork comes last, and what hands it to Celery, Django or the example.
ROOMS = {
    "schedules": [
        {"clock", "holidays", "rules", "templatetags"},
        {"validators"},
        {"models"},
        {"oncall"},
        {"surfaces"},
        {"people"},
        {"rota"},
        {"calendars"},
        {"arrangements"},
        {"admin", "apps", "management"},
    ],
    "dispatching": [
        {"rules"},
        {"channels"},
        {"models", "templatetags"},
        {"alarms", "contact"},
        {"delivery"},
        {"alerts"},
        {"policies"},
        {"routing", "notices", "inbound"},
        {"sweep", "calendar_fetching"},
        {"audit"},
        {"ticker"},
        {"tasks", "admin", "apps", "example", "management"},
    ],
    "stakeholders": [
        {"rules"},
        {"models"},
        {"groups"},
        {"news"},
        {"definitions", "teams"},
        {"subscriptions"},
        {"sweep", "example"},
        {"tasks", "admin", "apps", "management"},
    ],
}
FILES_IN_A_ROOM = 20
FILES_AT_A_ROOT = 12
SOURCES = sorted(
    path.relative_to(ROOT) for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts
)
# Where `clock.now` is read: once a request, a task or a command; whatever these call is given the time.
EDGE = ("tasks", "pages", "admin", "api", "management", "foresight", "health", "metrics")
# What reads the host's clock: to name it is enough, as a default does. The second: unless it is given a time.
HOSTS = (
    *("timezone.now", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.gmtime", "time.localtime"),
    *("signing.dumps", "signing.loads", "signing.TimestampSigner"),
)
HOSTS_UNLESS_GIVEN = {"localtime": 1, "localdate": 1, "formatdate": 1, "timesince": 2, "timeuntil": 2}
# Who may, and why. Beyond our reach: structlog dates the lines of the log, Django log-ins, sessions and the admin's log.
MAY_READ_THE_HOSTS = {
    "config/embedded/broker.py": "it compares with the ages of files, which the host dates",
    "dispatching/alerts/links.py": "Django dates what it signs; a link is good for 30 days, and no row gets its time",
    "stakeholders/subscriptions/links.py": "the same; these are good for three days",
}
# The verb module that may assign each state field.
STATES = {
    "Alert": "lifecycle",
    "Escalation": "escalating",
    "Delivery": "delivering",
    "SwapRequest": "swapping",
    "Outage": "outages",
    "Subscription": "subscribing",
    "ChangeRequest": "changing",
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def imports(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            assert each.level == 0, "imports are absolute"
            yield from (f"{each.module}.{alias.name}" for alias in each.names)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def ids(path: Path) -> str:
    return str(path)


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_imports_go_down_only(path):
    higher = APPS[APPS.index(path.parts[0]) + 1 :]
    assert [name for name in imports(tree(path)) if name.split(".")[0] in higher] == []


def room(name: str) -> str:
    """The room of a module, or the module's own name at the root of its app; empty for the app itself."""
    return (name.split(".") + [""])[1]


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[0] in ROOMS and p.name != "__init__.py"], ids=ids)
def test_rooms_import_only_the_rooms_before_them(path):
    app = path.parts[0]
    own = room(".".join(path.with_suffix("").parts))
    ranks = {each: rank for rank, rooms in enumerate(ROOMS[app]) for each in rooms}
    assert own in ranks, f"which room is {path} in? ROOMS names them"
    inside = {room(name) for name in imports(tree(path)) if name.split(".")[0] == app} - {own}
    assert [name for name in inside if ranks[name] >= ranks[own]] == []


def test_every_room_that_has_a_place_is_there():
    assert [f"{app}.{each}" for app in ROOMS for rooms in ROOMS[app] for each in rooms if not there(app, each)] == []


def there(app: str, room: str) -> bool:
    return (ROOT / app / room).is_dir() or (ROOT / app / f"{room}.py").is_file()


@pytest.mark.parametrize("folder", sorted({p.parent for p in SOURCES}), ids=ids)
def test_no_room_is_too_full(folder):
    files = [path for path in SOURCES if path.parent == folder and path.name != "__init__.py"]
    assert len(files) <= (FILES_AT_A_ROOT if len(folder.parts) == 1 else FILES_IN_A_ROOM)


@pytest.mark.parametrize("path", [p for p in SOURCES if "rules" in p.parts], ids=ids)
def test_rules_import_only_the_standard_library_and_rules(path):
    foreign = [n for n in imports(tree(path)) if n.split(".")[0] not in sys.stdlib_module_names and ".rules." not in n]
    assert foreign == []


def named(path: Path) -> Iterator[str]:
    """Every dotted name, imported or used."""
    yield from imports(tree(path))
    yield from (ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute))


def reads_the_hosts_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg in ("auto_now", "auto_now_add")
    if not isinstance(node, ast.Call):
        return False
    needed = HOSTS_UNLESS_GIVEN.get(ast.unparse(node.func).split(".")[-1], 0)
    return len(node.args) + len(node.keywords) < needed


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_no_clock_but_the_databases_is_read(path):
    found = {name for name in named(path) if f".{name}".endswith(tuple(f".{each}" for each in HOSTS))}
    found |= {ast.unparse(node) for node in ast.walk(tree(path)) if reads_the_hosts_clock(node)}
    assert (found != set()) == (str(path) in MAY_READ_THE_HOSTS), found


def test_no_template_reads_the_hosts_clock():
    reads = re.compile(r"{%\s*now\b|\|\s*(naturaltime|naturalday|(timesince|timeuntil)\b(?!:))")
    assert [path for path in (ROOT / "templates").rglob("*.*") if reads.search(path.read_text())] == []


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_the_clock_is_read_only_at_the_edge(path):
    at_the_edge = any(part.removesuffix(".py").split("_")[-1] in EDGE for part in path.parts)
    assert at_the_edge or [name for name in named(path) if name.endswith("clock.now")] == []


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_nothing_is_imported_inside_a_function(path):
    assert [name for function in functions(path) for name in imports(function)] == []


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_nobody_imports_tasks(path):
    assert [name for name in imports(tree(path)) if ".tasks" in name] == []


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[0] != "config"], ids=ids)
def test_a_state_is_assigned_only_in_its_verb_module(path):
    assigned = [
        target.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assign)
        for target in node.targets
        for part in ast.walk(target)
        if isinstance(part, ast.Attribute) and part.attr == "state"
    ]
    assert assigned == [] or path.stem in STATES.values()


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_files_stay_under_400_lines_and_functions_under_40(path):
    assert len((ROOT / path).read_text().splitlines()) <= 400
    assert [f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno >= 40] == []


@pytest.mark.parametrize("path", SOURCES, ids=ids)
def test_no_file_is_a_drawer_for_everything(path):
    assert not {part.removesuffix(".py") for part in path.parts} & {"utils", "helpers", "common", "misc"}


def test_the_top_level_is_what_was_agreed():
    agreed = {"manage.py", "pyproject.toml", "README.md", "Makefile", "compose.yaml", "LICENSE", "requirements.lock"}
    folders = {"config", "dispatching", "stakeholders", "schedules", "templates", "tests", "docs", "benchmarks"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.name != "var"}
    assert found <= agreed | folders
