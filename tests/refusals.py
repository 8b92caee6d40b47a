"""Reads from the source where a person or a program can meet a refusal: the surfaces that call a verb which may refuse."""

import ast
from collections.abc import Iterator
from functools import cache

from tests.architecture import Tree, module_of

SURFACES = ("admin", "api", "pages")


def surfaces(house: Tree) -> set[str]:
    """module.function, or module.Class.method, of each surface that names a verb which may raise Refused, or raises it."""
    units = {name: unit for path in house.files for name, unit in _units(module_of(path), house.files[path])}
    may = {name for name, (_, raises, catches) in units.items() if raises and not catches}
    while more := {name for name, (names, _, catches) in units.items() if names & may and not catches} - may:
        may |= more
    met = {name for name, (names, raises, _) in units.items() if raises or names & may}
    return {name for name in met if _is_surface(name)}


def _is_surface(name: str) -> bool:
    *_, module, unit = (part for part in name.split(".") if not part[0].isupper())
    return module.rpartition("_")[2] in SURFACES and not unit.isupper()


@cache
def _units(module: str, tree: ast.Module) -> list[tuple[str, tuple[set[str], bool, bool]]]:
    """Each function, method and table of the module: what it names, whether it refuses, whether it catches a refusal."""
    known = dict(_imported(tree))
    tops = [(name, node) for node in tree.body for name, node in _named(node)]
    known |= {name: f"{module}.{name}" for name, _ in tops}
    return [(f"{module}.{name}", (set(_names(node, known)), _raises(node), _catches(node))) for name, node in tops]


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _named(node: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    if isinstance(node, ast.ClassDef):
        yield from ((f"{node.name}.{part.name}", part) for part in node.body if isinstance(part, ast.FunctionDef))
    elif isinstance(node, ast.FunctionDef):
        yield node.name, node
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))


def _names(node: ast.AST, known: dict[str, str]) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in known:
            yield known[part.id]
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id in known:
            yield f"{known[part.value.id]}.{part.attr}"


def _raises(node: ast.AST) -> bool:
    raised = (part.exc for part in ast.walk(node) if isinstance(part, ast.Raise))
    return any(isinstance(exc, ast.Call) and ast.unparse(exc.func) == "Refused" for exc in raised)


def _catches(node: ast.AST) -> bool:
    caught = any(isinstance(part, ast.ExceptHandler) and "Refused" in ast.dump(part) for part in ast.walk(node))
    return caught or "suppress(Refused)" in ast.unparse(node)
