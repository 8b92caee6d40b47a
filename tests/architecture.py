"""The laws of the house. Each reads the source and returns its offences as “path:line what”; none means that it is kept."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

APPS = ("schedules", "dispatching", "stakeholders", "config")  # each may import those before it
# The rooms of each app, and the modules at its root, in order: each imports only those before it, and no other room of
# its own line. The clockwork comes last, and what Celery, Django and the example hang on.
ROOMS = {
    "schedules": [
        {"apart", "clock", "refused", "holidays", "rules", "templatetags"},
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
        {"alarms", "parking", "contact"},
        {"delivery"},
        {"alerts"},
        {"policies"},
        {"routing", "notices", "inbound"},
        {"sweep", "calendar_fetching", "agreement"},
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
LINES_IN_A_FILE = 400
LINES_IN_A_FUNCTION = 40
DRAWERS = {"utils", "helpers", "common", "misc"}
# Where the state of each model is written: its verb module, and for deliveries the one that sends them by the batch.
VERBS = {
    "Alert": ("dispatching/alerts/lifecycle.py", "dispatching/alerts/intake.py"),
    "Escalation": ("dispatching/alerts/escalating.py", "dispatching/alerts/intake.py"),
    "Delivery": ("dispatching/delivery/delivering.py", "dispatching/delivery/batches_sql.py"),
    "SwapRequest": ("schedules/arrangements/swapping.py",),
    "Outage": ("stakeholders/news/outages.py",),
    "Bracket": ("stakeholders/news/brackets.py",),
    "Subscription": ("stakeholders/subscriptions/subscribing.py",),
    "ChangeRequest": ("stakeholders/groups/changing.py",),
}
# What reads the host's clock. A name is enough, as in a default; the second group does unless it is given so many arguments.
HOST_CLOCKS = {
    *("timezone.now", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.gmtime", "time.localtime"),
    *("signing.dumps", "signing.loads", "signing.TimestampSigner"),
}
HOST_CLOCKS_UNLESS_GIVEN = {"localtime": 1, "localdate": 1, "formatdate": 1, "timesince": 2, "timeuntil": 2}
# Who may all the same, and why. Beyond our reach: structlog dates what it logs, Django log-ins, sessions and its admin's log.
MAY_READ_THE_HOST = {
    "config/embedded/broker.py": "it compares with the ages of files, which the host dates",
    "config/access/sessions.py": "Django dates sessions",
    "dispatching/alerts/links.py": "Django dates what it signs; a link is good for 30 days, and no row gets its time",
    "dispatching/contact/links.py": "the same; links to confirm are good for three days",
}
# The clock is read at the edge, where a request, a task or a command comes in; below it `now` is passed.
EDGE_FILES = {"tasks", "admin", "api", "pages", "endpoints", "health", "metrics"}
EDGE_FOLDERS = {"management"}
# In every room the same file name means the same: what such a file imports, and by how their bases end the classes that lie only there.
KINDS = {"api": ("rest_framework", ("Resource", "ViewSet", "APIView")), "admin": (".admin", ("Admin", "Inline"))}
READS_THE_HOST = re.compile(r"{%\s*now\b|\|\s*(?:naturaltime|naturalday|(?:timesince|timeuntil)\b(?!:))")
TABLE = re.compile(r"\b(?:schedules|dispatching|stakeholders)_[a-z_]+\b")
NAMED = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+({TABLE.pattern})(?:\s+(?:AS\s+)?([a-z_]+)\b)?")
COLUMN = re.compile(r"\b([a-z_]+)\.([a-z_]+)\b")
INSERTED = re.compile(rf"\bINTO\s+({TABLE.pattern})(?:\s+AS\s+[a-z_]+)?\s*\(([a-z_,\s]+)\)")
STATE_SET = re.compile(rf"\bUPDATE\s+({TABLE.pattern})\b[^;]*?\bSET\b[^;]*?\bstate\s*=")

Offences = list[str]
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Tree:
    """The product's source, by path relative to the top."""

    def __init__(self, texts: Mapping[Path, str]):
        self.texts = dict(texts)

    @classmethod
    def of(cls, root: Path) -> "Tree":
        paths = (path for app in APPS for path in (root / app).rglob("*.py") if "migrations" not in path.parts)
        return cls({path.relative_to(root): path.read_text() for path in sorted(paths)})

    def with_file(self, path: str, text: str) -> "Tree":
        return Tree({**self.texts, Path(path): text})

    @cached_property
    def files(self) -> dict[Path, ast.Module]:
        return {path: parsed(text) for path, text in self.texts.items()}

    @cached_property
    def modules(self) -> set[str]:
        return {module_of(path) for path in self.texts}

    def imports(self, path: Path) -> list[tuple[int, str]]:
        """(line, dotted name) of everything that is imported, inside functions, too."""
        return imports(self.files[path])


@cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def nodes(tree: ast.AST) -> list[ast.AST]:
    return list(ast.walk(tree))


@cache
def imports(node: ast.AST) -> list[tuple[int, str]]:
    found = []
    for part in nodes(node):
        if isinstance(part, ast.Import):
            found += [(part.lineno, alias.name) for alias in part.names]
        elif isinstance(part, ast.ImportFrom):
            found += [(part.lineno, f"{'.' * part.level}{part.module}.{alias.name}") for alias in part.names]
    return found


def module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def app_of(name: str) -> str:
    return name.split(".")[0]


def room_of(name: str) -> str:
    """The room of a module, or the module's own name at the root of its app; empty for the app itself."""
    return (name.split(".") + [""])[1]


def kind_of(path: Path) -> str:
    return path.stem.rpartition("_")[2]  # wordings_api is an api


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in nodes(tree) if isinstance(node, Function))


@cache
def strings(tree: ast.Module) -> list[tuple[int, str]]:
    """Every string, an f-string as one, with an empty place for each of its values."""
    joined = [node for node in nodes(tree) if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in joined for part in ast.walk(node)}
    whole = [
        (node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else " " for p in node.values))
        for node in joined
    ]
    return whole + [
        (node.lineno, node.value)
        for node in nodes(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside
    ]


# --- imports ----------------------------------------------------------------------------------------------------------


def apps_import_downwards(tree: Tree) -> Offences:
    return [
        f"{path}:{line} imports {name} from above"
        for path in tree.files
        for line, name in tree.imports(path)
        if app_of(name) in APPS[APPS.index(path.parts[0]) + 1 :]
    ]


def rooms_import_the_rooms_before_them(tree: Tree) -> Offences:
    found = []
    for path in tree.files:
        app, own = path.parts[0], room_of(module_of(path))
        ranks = {room: rank for rank, rooms in enumerate(ROOMS.get(app, ())) for room in rooms}
        if not ranks or not own:
            continue
        if own not in ranks:
            found.append(f"{path}:1 lies in no room that ROOMS names")
            continue
        for line, name in tree.imports(path):
            if app_of(name) == app and room_of(name) != own and ranks.get(room_of(name), 99) >= ranks[own]:
                found.append(f"{path}:{line} imports {name}, whose room is not before its own")
    return found


def rooms_have_room(tree: Tree) -> Offences:
    """No folder is too full; and each that has a place in the order is there."""
    folders: dict[Path, int] = {}
    for path in tree.files:
        if path.name != "__init__.py":
            folders[path.parent] = folders.get(path.parent, 0) + 1
    most = {folder: FILES_AT_A_ROOT if len(folder.parts) == 1 else FILES_IN_A_ROOM for folder in folders}
    full = [f"{folder}:1 has {count} files" for folder, count in folders.items() if count > most[folder]]
    there = {(app_of(module), room_of(module)) for module in tree.modules}
    gone = [
        f"{app}:1 has no {room}"
        for app in ROOMS
        for rooms in ROOMS[app]
        for room in rooms - {r for a, r in there if a == app}
    ]
    return full + gone


def no_modules_import_each_other(tree: Tree) -> Offences:
    """Also within a room: a circle means that a thing lies in the wrong place."""

    def module(name: str) -> str:
        return name if name in tree.modules else name.rpartition(".")[0]

    # A package that gathers what its modules define is imported by none of them.
    graph = {
        module_of(path): {module(name) for _, name in tree.imports(path)} & tree.modules - {module_of(path)}
        for path in tree.files
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"{error.args[1][0]}:1 imports itself by way of {', '.join(error.args[1])}"]
    return []


def rules_import_the_standard_library_and_rules(tree: Tree) -> Offences:
    return [
        f"{path}:{line} imports {name}"
        for path in tree.files
        if "rules" in path.parts
        for line, name in tree.imports(path)
        if app_of(name) not in sys.stdlib_module_names and ".rules." not in name
    ]


def nothing_is_imported_inside_a_function_or_relatively(tree: Tree) -> Offences:
    hidden = [
        f"{path}:{line} imports {name} inside {function.name}"
        for path, source in tree.files.items()
        for function in functions(source)
        for line, name in imports(function)
    ]
    relative = [f"{p}:{line} imports {n}" for p in tree.files for line, n in tree.imports(p) if n.startswith(".")]
    return hidden + relative


def nobody_imports_tasks(tree: Tree) -> Offences:
    return [f"{p}:{line} imports {n}" for p in tree.files for line, n in tree.imports(p) if ".tasks" in n]


# --- sizes and names --------------------------------------------------------------------------------------------------


def files_and_functions_stay_short(tree: Tree) -> Offences:
    long = [f"{p}:1 is too long" for p, text in tree.texts.items() if len(text.splitlines()) > LINES_IN_A_FILE]
    return long + [
        f"{path}:{function.lineno} {function.name} is too long"
        for path, source in tree.files.items()
        for function in functions(source)
        if (function.end_lineno or 0) - function.lineno >= LINES_IN_A_FUNCTION
    ]


def no_file_is_a_drawer_for_everything(tree: Tree) -> Offences:
    return [f"{p}:1 is a drawer" for p in tree.files if DRAWERS & {part.removesuffix(".py") for part in p.parts}]


def file_names_mean_the_same_everywhere(tree: Tree) -> Offences:
    """An `api` is one of the REST framework, an `admin` of Django's admin; their classes lie nowhere else."""
    found = []
    for path, source in tree.files.items():
        own = kind_of(path)
        if own in KINDS and not any(f"{KINDS[own][0]}." in f".{name}." for _, name in tree.imports(path)):
            found.append(f"{path}:1 is no {own}")
        for line, base in _bases(source):
            kinds = [kind for kind, (_, endings) in KINDS.items() if kind != own and base.endswith(endings)]
            found += [f"{path}:{line} has a class that belongs to an {kind}" for kind in kinds]
    return found


def _bases(source: ast.Module) -> Iterator[tuple[int, str]]:
    for node in nodes(source):
        if isinstance(node, ast.ClassDef):
            yield from ((node.lineno, ast.unparse(base)) for base in node.bases)


def there_is_one_refused(tree: Tree) -> Offences:
    found = [
        f"{path}:{node.lineno} class {node.name}"
        for path, source in tree.files.items()
        for node in nodes(source)
        if isinstance(node, ast.ClassDef) and node.name == "Refused"
    ]
    return found if len(found) != 1 else []


# --- the clock --------------------------------------------------------------------------------------------------------


def nobody_reads_the_clock_of_the_host(tree: Tree) -> Offences:
    """Also as a default or by auto_now; and who is excused has to need it."""
    found = {
        path: [f"{path}:{line} reads {what}" for line, what in _reads_of_the_host(source)]
        for path, source in tree.files.items()
    }
    idle = [f"{path}:1 is excused for nothing" for path in found if str(path) in MAY_READ_THE_HOST and not found[path]]
    return [each for path in found if str(path) not in MAY_READ_THE_HOST for each in found[path]] + idle


def _reads_of_the_host(source: ast.Module) -> Iterator[tuple[int, str]]:
    yield from ((line, name) for line, name in _names(source) if _last_two(name) in HOST_CLOCKS)
    for node in nodes(source):
        if isinstance(node, ast.keyword) and node.arg in ("auto_now", "auto_now_add"):
            yield node.lineno, node.arg
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if len(node.args) + len(node.keywords) < HOST_CLOCKS_UNLESS_GIVEN.get(name, 0):
                yield node.lineno, name


def _names(source: ast.Module) -> Iterator[tuple[int, str]]:
    """Dotted names, imported or used."""
    yield from imports(source)
    yield from ((node.lineno, ast.unparse(node)) for node in nodes(source) if isinstance(node, ast.Attribute))


def _last_two(name: str) -> str:
    return ".".join(name.split(".")[-2:])


def no_template_reads_the_clock_of_the_host(texts: Mapping[Path, str]) -> Offences:
    return [f"{path}:1 reads the clock" for path, text in texts.items() if READS_THE_HOST.search(text)]


def the_clock_is_read_at_the_edge(tree: Tree) -> Offences:
    return [
        f"{path}:{line} reads the clock"
        for path, source in tree.files.items()
        if not is_edge(path)
        for line, name in _names(source)
        if _last_two(name) == "clock.now"
    ]


def is_edge(path: Path) -> bool:
    return kind_of(path) in EDGE_FILES or bool(EDGE_FOLDERS & set(path.parts))


# --- states -----------------------------------------------------------------------------------------------------------


def a_state_is_written_in_its_verb_module(tree: Tree) -> Offences:
    """By assignment, by `QuerySet.update(state=…)` and by SQL. The value says of which model it is: `Alert.State.RESOLVED`."""
    found = []
    for path, source in tree.files.items():
        if path.parts[0] == "config":
            continue
        for line, model in [*_assigned(source), *_updated(source), *_set_in_sql(source)]:
            if str(path) not in VERBS.get(model, ()):
                found.append(f"{path}:{line} writes the state of {model or 'a model that it does not name'}")
    return found


def _assigned(source: ast.Module) -> Iterator[tuple[int, str]]:
    for scope in [source, *functions(source)]:
        for node in _own_nodes(scope):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    for part, value in _pairs(target, node.value):
                        if isinstance(part, ast.Attribute) and part.attr == "state":
                            yield node.lineno, _model_of(value, source, scope)


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, Function):
            yield from _own_nodes(child)


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def _updated(source: ast.Module) -> Iterator[tuple[int, str]]:
    for scope in [source, *functions(source)]:
        for node in _own_nodes(scope):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update":
                yield from ((node.lineno, _model_of(k.value, source, scope)) for k in node.keywords if k.arg == "state")


def _set_in_sql(source: ast.Module) -> Iterator[tuple[int, str]]:
    names = {model.lower(): model for model in VERBS}
    for line, text in strings(source):
        for table in STATE_SET.findall(text):
            yield line, names.get(table.partition("_")[2], "")


def _model_of(value: ast.expr, source: ast.Module, scope: ast.AST) -> str:
    """“Alert” for `Alert.State.OPEN`, for `State.OPEN` after `State = Alert.State`, for a parameter `to: Alert.State`."""
    aliases = {
        target.id: ast.unparse(alias)
        for node in source.body
        if isinstance(node, ast.Assign)
        for target, alias in _pairs(node.targets[0], node.value)
        if isinstance(target, ast.Name)
    }
    annotated = {}
    if isinstance(scope, Function):
        parameters = [*scope.args.args, *scope.args.kwonlyargs]
        annotated = {p.arg: ast.unparse(p.annotation) for p in parameters if p.annotation}
    for node in ast.walk(value):
        if isinstance(node, ast.Name):
            name = annotated.get(node.id, node.id)
            name = aliases.get(name, name)
            if name.endswith(".State"):
                return name.removesuffix(".State")
            if name in VERBS:
                return name
    return ""


# --- SQL --------------------------------------------------------------------------------------------------------------


def sql_names_tables_of_its_own_app_or_below(tree: Tree) -> Offences:
    return [
        f"{path}:{line} names {table} from above"
        for path, source in tree.files.items()
        for line, text in strings(source)
        if NAMED.search(text)
        for table in TABLE.findall(text)
        if APPS.index(table.partition("_")[0]) > APPS.index(path.parts[0])
    ]


def sql_names_what_the_models_have(tree: Tree, columns: Mapping[str, set[str]]) -> Offences:
    """`columns` of each table, as the models have them. Checked: tables, `alias.column`, and what is inserted."""
    found = []
    for path, source in tree.files.items():
        for line, text in strings(source):
            if "django_" not in text:
                found += [f"{path}:{line} names {what}" for what in sorted(_unknown(text, columns))]
    return found


def _unknown(text: str, columns: Mapping[str, set[str]]) -> set[str]:
    unknown: set[str] = set()
    aliases: dict[str, set[str]] = {}
    for table, alias in NAMED.findall(text):
        if table not in columns:
            unknown.add(table)
            continue
        aliases.setdefault(alias or table, set()).update(columns[table])
        aliases.setdefault(table, set()).update(columns[table])
    unknown |= {f"{a}.{c}" for a, c in COLUMN.findall(text) if a in aliases and c not in aliases[a]}
    for table, listed in INSERTED.findall(text):
        unknown |= {f"{table}.{c}" for c in re.findall(r"\w+", listed) if c not in columns.get(table, {c})}
    return unknown


LAWS = (
    apps_import_downwards,
    rooms_import_the_rooms_before_them,
    rooms_have_room,
    no_modules_import_each_other,
    rules_import_the_standard_library_and_rules,
    nothing_is_imported_inside_a_function_or_relatively,
    nobody_imports_tasks,
    files_and_functions_stay_short,
    no_file_is_a_drawer_for_everything,
    file_names_mean_the_same_everywhere,
    there_is_one_refused,
    nobody_reads_the_clock_of_the_host,
    the_clock_is_read_at_the_edge,
    a_state_is_written_in_its_verb_module,
    sql_names_tables_of_its_own_app_or_below,
)
