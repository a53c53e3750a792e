"""Every message about a network, its knobs or its data, as ``docs/troubleshooting.md`` lists them.

The page is made of ``CASES``. What makes a file itself unreadable is in ``test_nir_file`` and ``test_data``.
"""

import ast
from pathlib import Path

import pytest

from messages import CASES, Case

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.cause}")
def test_message(case: Case, tmp_path: Path) -> None:
    assert case.make(tmp_path) == case.message


def test_every_message_says_what_to_do() -> None:
    assert len(CASES) >= 80
    for case in CASES:
        said, remedy = case.shown
        assert said, case
        assert remedy[0].isupper() or remedy[0] == "-", case
        assert not remedy.endswith("."), case
    assert {case.group for case in CASES} == {"network", "knobs", "note", "widths", "data"}
    texts = [case.message for case in CASES]
    assert len(set(texts)) == len(texts)


def test_every_message_of_the_source_is_listed() -> None:
    """What the reader of networks says is in some case, word for word but for the names and numbers in it."""
    listed, missing = "\n".join(case.message for case in CASES), []
    for name in (
        "nir_nodes",
        "nir_inline",
        "nir_model",
        "nir_window",
        "maps",
        "storage",
        "dynamics",
        "quantised_layer",
        "search",
    ):
        tree = ast.parse((ROOT / "golden" / f"{name}.py").read_text("utf-8"))
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                said = node.value.strip(" ,:;()'")
                if len(said) > 20 and said not in listed:
                    missing.append(said)
    assert missing == []
