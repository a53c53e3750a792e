"""The command line on the packaged network, run in this process."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from spikeloom import packaged
from spikeloom.cli import app

DIGITS = packaged.find("digits")


class Cli:
    """Runs commands in one folder. ``json`` also asserts that standard output is one JSON document."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str | Path, status: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == status, (words, result.output)
        assert "Traceback" not in result.output
        return result

    def json(self, *words: str | Path, status: int = 0) -> dict:
        return json.loads(self(*words, "--json", status=status).stdout)

    def refused(self, *words: str | Path) -> str:
        """The one message of a refusal, which must leave nothing behind."""
        before = sorted(self.folder.rglob("*"))
        result = self(*words, status=1)
        assert result.stdout == ""
        assert "bug" not in result.stderr
        assert len(result.stderr.splitlines()) <= 24, "one screen"
        assert sorted(self.folder.rglob("*")) == before
        return result.stderr.removeprefix("error: ").strip()


@pytest.fixture
def run(tmp_path, monkeypatch) -> Cli:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("SPIKELOOM_DEBUG", raising=False)
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def loom(tmp_path_factory) -> Path:
    """The digits network, converted once."""
    from spikeloom import convert
    from spikeloom.golden import conventions

    path = tmp_path_factory.mktemp("flow") / "digits.loom"
    convert(DIGITS.model, data=DIGITS.calibration, output=path, knobs=conventions.resolve("snntorch"))
    return path
