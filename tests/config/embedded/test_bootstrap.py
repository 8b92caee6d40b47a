"""What a newcomer's first `make` says when the machine lacks something."""

import ast
from pathlib import Path

import pytest

from config.embedded import bootstrap


def test_an_old_python_is_refused_with_one_sentence(monkeypatch):
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)

    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer"):
        bootstrap.main([])


def test_a_python_without_venv_is_refused_with_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "venv", None)
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(bootstrap, "STAMP", str(tmp_path / ".venv" / "installed"))

    with pytest.raises(SystemExit, match="python3-venv"):
        bootstrap.main([])


def test_an_old_python_can_read_it():
    ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 7))
