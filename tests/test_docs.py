"""What README.md and docs/ name is there: files, links, targets, settings, codes; and what they tell to type works."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from django.core.management import get_commands

from config.settings import BASE_DIR
from dispatching import sweep
from dispatching.inbound import generic
from dispatching.inbound.strict_json import loads
from dispatching.rules.event import Event

DOCS = BASE_DIR / "docs"
PAGES = [BASE_DIR / "README.md", *sorted(DOCS.rglob("*.md"))]
LISTS = [DOCS / "requirements.md", DOCS / "faults.md"]  # they name what belongs to others, too
OURS = [page for page in PAGES if page not in LISTS]
APPS = ("schedules", "dispatching", "stakeholders", "config")
FOLDERS = (*APPS, "templates", "tests", "docs", "benchmarks")
REQUIREMENTS, FAULTS = (page.read_text() for page in LISTS)
SETTINGS = (BASE_DIR / "config/settings.py").read_text()
MAKEFILE = (BASE_DIR / "Makefile").read_text()
OPERATE, CONTRIBUTING = ((DOCS / page).read_text() for page in ("operate.md", "contributing.md"))

BLOCK = re.compile(r"^```\w*\n[\s\S]*?^```|(?:^    [^\n]*\n)+", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
# A file or a folder, from the top or by its name alone; a module of a room, such as alerts/intake.
FILE = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*|[\w-]+\.(?:py|toml|lock)|\.ci/run|Makefile")
MODULE = re.compile(r"[a-z_]+(?:/[a-z_]+)+/?")
MADE = {"log", "mail", "run", "postgres", "broker", "var"}  # what a running Tocsin makes
TARGET = re.compile(r"\bmake ([a-z][a-z-]*)")
COMMAND = re.compile(r"manage\.py ([a-z_]+)")
VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
CODE = re.compile(r"\b[A-Z]\d{1,3}[a-z]?\b")
CITED = re.compile(rf"(faults? )?({CODE.pattern}(?:(?:, | to | and |–){CODE.pattern})*)")
INVARIANTS = re.compile(r"invariants? (\d+)(?: (?:and|to) (\d+))?")
REMARKED = re.compile(rf"#.*(?:{CODE.pattern}|{INVARIANTS.pattern})")
IN_REQUIREMENTS = set(re.findall(r"^- ([ABDX]\d{1,3}a?) ", REQUIREMENTS, re.MULTILINE))
IN_FAULTS = set(re.findall(r"^\| \**([A-Z]\d{1,2}b?)\** \|", FAULTS, re.MULTILINE))
MOST_INVARIANTS = 24
ONE_SCREEN = 75  # lines


def spans(text: str) -> list[str]:
    """What stands as code within the text of a page."""
    return SPAN.findall(BLOCK.sub("", text))


def typed(text: str) -> str:
    """All the code of a page, within its text and in blocks."""
    return "\n".join([*spans(text), *BLOCK.findall(text)])


def wrong(pages: Iterable[Path], offences: Callable[[str], Iterable[str]]) -> list[str]:
    return [f"{page.relative_to(BASE_DIR)}: {each}" for page in pages for each in offences(page.read_text())]


# --- files and links --------------------------------------------------------------------------------------------------


def is_there(path: str) -> bool:
    if "/" not in path.rstrip("/"):
        return any(next((BASE_DIR / top).rglob(path), None) for top in FOLDERS) or (BASE_DIR / path).exists()
    plain = path.rstrip("/")
    places = [BASE_DIR, *(BASE_DIR / app for app in APPS)]
    return any((place / form).exists() for place in places for form in (plain, f"{plain}.py"))


def missing_files(text: str) -> Iterator[str]:
    for span in spans(text):
        to_be_made = span.split("/")[0] in MADE or span.endswith("NAME.py")
        if (FILE.fullmatch(span) or MODULE.fullmatch(span)) and not to_be_made and not is_there(span):
            yield span


def test_each_file_that_a_page_names_is_there():
    assert wrong(OURS, missing_files) == []
    assert list(missing_files("`dispatching/gone.py` `alerts/gone` `gone.py` `alerts/intake`")) == [
        "dispatching/gone.py",
        "alerts/gone",
        "gone.py",
    ]


def anchors(text: str) -> set[str]:
    """The anchors that a forge gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.is_file() and (not anchor or anchor in anchors(target.read_text()))


def test_each_relative_link_leads_somewhere():
    links = [(page, link) for page in PAGES for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [(page.name, link) for page, link in links if not leads(page, link)] == []
    assert len(links) > len(PAGES)
    assert not leads(PAGES[0], "docs/tour.md#no-such-heading")


# --- targets, commands, settings --------------------------------------------------------------------------------------

TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
COMMANDS = set(get_commands())


def test_each_target_and_command_that_a_page_names_is_there():
    assert wrong(OURS, lambda text: set(TARGET.findall(typed(text))) - TARGETS) == []
    assert wrong(OURS, lambda text: set(COMMAND.findall(typed(text))) - COMMANDS) == []


def test_contributing_names_every_target():
    assert TARGETS - set(TARGET.findall(typed(CONTRIBUTING))) == set()


def variables() -> set[str]:
    """The environment variables that the settings read."""
    readers = {"knob": 1, "url_of": 0, "mailbox": 0, "secret": 0}  # which argument is the name
    calls = [node for node in ast.walk(ast.parse(SETTINGS)) if isinstance(node, ast.Call)]
    names = [node.args[readers[ast.unparse(node.func)]] for node in calls if ast.unparse(node.func) in readers]
    return {str(each.value) for each in names if isinstance(each, ast.Constant)}


def test_the_table_of_settings_has_each_variable_once():
    table = OPERATE.partition("## Settings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    assert sorted(variable for row in rows for variable in SPAN.findall(row)) == sorted(variables())


def test_each_variable_that_a_page_names_is_read_somewhere():
    known = set(VARIABLE.findall(SETTINGS + MAKEFILE))
    assert wrong(OURS, lambda text: {v for s in spans(text) if "/" not in s for v in VARIABLE.findall(s)} - known) == []


# --- codes ------------------------------------------------------------------------------------------------------------


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (BASE_DIR / folder).rglob("*.py") if "migrations" not in path.parts]


def remarks(source: str) -> Iterator[str]:
    """Comments and docstrings, of a source that cites anything."""
    if REMARKED.search(source):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.string.partition("noqa")[0]
    for node in ast.walk(ast.parse(source)) if CODE.search(source) or INVARIANTS.search(source) else ():
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def unlisted(remark: str) -> Iterator[str]:
    """Codes that are in no list. “faults” says in which one; without it, A, B and D are requirements."""
    for faults, codes in CITED.findall(remark):
        known = IN_FAULTS if faults else IN_REQUIREMENTS | {code for code in IN_FAULTS if code[0] not in "ABD"}
        yield from (f"{faults}{code}" for code in CODE.findall(codes) if code not in known)
    for numbers in INVARIANTS.findall(remark):
        yield from (f"invariant {n}" for n in numbers if n and not 1 <= int(n) <= MOST_INVARIANTS)


def test_each_code_that_the_product_cites_is_in_a_list():
    assert wrong(sources(*APPS), lambda source: [code for remark in remarks(source) for code in unlisted(remark)]) == []


def test_each_code_that_the_tests_cite_is_in_a_list():
    known, others = IN_REQUIREMENTS | IN_FAULTS, set(sources("tests", "benchmarks")) - {Path(__file__)}
    assert wrong(others, lambda source: {c for r in remarks(source) for c in CODE.findall(r)} - known) == []


def test_a_code_that_is_in_no_list_is_noticed():
    assert list(unlisted("Told once (B94, faults K11); in the window W5; invariants 3 and 4.")) == []
    assert list(unlisted("(faults B94)")) == ["faults B94"]
    assert list(unlisted("(A50 to A99, faults A26), invariants 3 and 25")) == ["A99", "faults A26", "invariant 25"]


def test_each_test_that_the_list_of_faults_names_is_there():
    there = {name for path in sources("tests") for name in re.findall(r"def (test_\w+)", path.read_text())}
    named = re.findall(r"::(test_\w+)([*…]?)", FAULTS)
    assert [name for name, cut in named if not any(t == name or cut and t.startswith(name) for t in there)] == []
    assert [name for name in re.findall(r"tests/[\w/]+\.py", FAULTS) if not (BASE_DIR / name).exists()] == []
    assert len(named) > 100


# --- what one is told to type -----------------------------------------------------------------------------------------


def test_the_readme_fits_one_screen_and_its_first_alert_is_an_event():
    readme = PAGES[0].read_text()
    assert len(readme.splitlines()) <= ONE_SCREEN
    [body] = re.findall(r"curl -d '([^']+)'", readme)
    [event] = generic.parse(loads(body.encode()))
    assert isinstance(event, Event) and event.summary == "Log-on is down"


def test_the_session_in_the_debugger_works(world, capsys):
    hour = timedelta(hours=1)
    ana, bo = world.person("ana"), world.person("bo")
    integration = world.service(world.policy((hour, ana), (hour, bo)))
    integration.name = "Example monitoring"
    integration.save()
    accept, *rest = re.findall(r"^```python\n(.*?)^```", CONTRIBUTING, re.MULTILINE | re.DOTALL)
    shell: dict = {}
    exec(accept, shell)
    sweep.sweep(shell["clock"].now)
    for block in rest:
        exec(block, shell)
    assert world.told() == ["ana", "bo"]
    assert "acknowledged" in capsys.readouterr().out.splitlines()[-1]


def test_the_session_stops_at_functions_that_are_there():
    stops = re.findall(r"^\(Pdb\) b (\w+)\.(\w+)$", CONTRIBUTING, re.MULTILINE)
    assert [callable(getattr(vars(sweep)[module], function)) for module, function in stops] == [True, True]
