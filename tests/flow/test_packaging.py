"""What is installed is what is in the tree, and rooms import one another only as the design says."""

import ast
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {
    "boards": "spikeloom.boards",
    "flow": "spikeloom",
    "golden": "spikeloom.golden",
    "hdl": "spikeloom.hdl",
    "sim": "spikeloom.sim",
}
MAY_IMPORT = {  # first match decides
    "golden": {"spikeloom.golden"},
    "hdl": {"spikeloom.hdl", "spikeloom.golden.network"},
    "sim": {"spikeloom.sim", "spikeloom.hdl", "spikeloom.golden"},
    "boards": {"spikeloom.boards", "spikeloom.hdl", "spikeloom.golden.network"},
    "flow": {"spikeloom"},
}


def subpackages() -> dict[str, Path]:
    """Every folder with Python in it, by the name under which it is imported."""
    found = {}
    for room, package in ROOMS.items():
        for folder in sorted({path.parent for path in (ROOT / room).rglob("*.py")}):
            found[".".join([package, *folder.relative_to(ROOT / room).parts])] = folder
    return found


def imports(path: Path) -> set[str]:
    """Modules of spikeloom that a file imports, wherever in the file."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are by package name"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            modules |= inside if node.module in ROOMS.values() else {node.module}
    # The version is the one thing that everybody may know of the top.
    return {m for m in modules if m.split(".")[0] == "spikeloom"} - {"spikeloom.__version__"}


def forbidden(room: str, modules: set[str]) -> set[str]:
    return {m for m in modules if not any(f"{m}.".startswith(f"{allowed}.") for allowed in MAY_IMPORT[room])}


def test_every_folder_is_installed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert sorted(subpackages()) == sorted(listed)
    for package, folder in subpackages().items():
        assert (folder / "__init__.py").exists(), f"{package} is a package"
    for room in ROOMS:
        assert (ROOT / room / "py.typed").exists(), f"{room} is typed"


def test_every_file_beside_the_code_is_installed():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for room, package in ROOMS.items():
        files = {p.relative_to(ROOT / room) for p in (ROOT / room).rglob("*") if p.is_file()}
        files = {p for p in files if p.suffix != ".py" and "__pycache__" not in p.parts}
        lost = {
            p for p in files if not any(fnmatch(p.as_posix(), glob) for glob in [*data["*"], *data.get(package, [])])
        }
        assert not lost, f"{package} would lack {lost}"


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_rooms_import_as_designed(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        assert not forbidden(room, imports(path)), f"{path.relative_to(ROOT)} imports what {room} may not"
    if room == "golden":
        assert not any("amaranth" in path.read_text() for path in files)


def test_the_room_check_sees_a_fault(tmp_path):
    planted = tmp_path / "planted.py"
    planted.write_text("def f():\n    from spikeloom.golden import simulate\n    import spikeloom.sim.bench\n")
    assert forbidden("hdl", imports(planted)) == {"spikeloom.golden.simulate", "spikeloom.sim.bench"}
    assert not forbidden("sim", imports(planted))


def test_import_is_lazy():
    code = (
        "import sys, spikeloom; heavy = {'numpy', 'amaranth', 'cocotb', 'nir', 'h5py', 'typer', 'rich', 'pydantic'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "from spikeloom import *; assert callable(convert)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_there():
    import spikeloom

    for name in spikeloom.__all__:
        assert getattr(spikeloom, name) is not None
        assert name in dir(spikeloom)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        spikeloom.nothing  # noqa: B018
