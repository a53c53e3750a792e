"""Texts of YAML and JSON with something wrong in them."""

import json

import yaml

from spikeloom.trust.hostile.nasty import NAMES, Rng, json_text, pick, tree

__all__ = ["JSON", "YAML", "json_tree"]

#: Lines and whole texts.
LINES = (
    *("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nlanes: *c\n", "lanes: &a [*a]\n", "<<: {lanes: 8}\n"),
    *(
        "<<: [1]\n",
        "lanes: 8\nlanes: 16\n",
        "? [1, 2]\n: 3\n",
        "? {a: 1}\n: 3\n",
        "? &x\n: *x\n",
        "1: 2\n",
        "null: 1\n",
    ),
    *("lanes: !!python/object/apply:os.mkdir [../outside/made]\n", "lanes: !!python/name:os.system\n"),
    *("!!python/object/new:os.system [id]\n", "lanes: !!int abc\n", "lanes: !!binary '@@'\n", "lanes: !!set {8}\n"),
    *("lanes: !!omap [a: 1]\n", "lanes: !!timestamp 8\n", "lanes: 2001-99-99\n", "lanes: 190:20:30\n", "lanes: 0x10\n"),
    *(
        "lanes: 0b1000\n",
        "lanes: 010\n",
        "lanes: .inf\n",
        "lanes: .nan\n",
        "lanes: 8.0\n",
        "lanes: '8'\n",
        "lanes: yes\n",
    ),
    *("lanes: ~\n", "lanes:\n", "lanes: !x 8\n", "---\nlanes: 8\n---\nlanes: 16\n", "%YAML 9.9\n---\nlanes: 8\n"),
    *("%TAG ! tag:x\n---\n", "lanes: |\n  8\n", "lanes: >-\n  8\n", "\tlanes: 8\n", "lanes: [8\n", "lanes: {8\n"),
    *("- lanes\n- 8\n", "lanes", "8", "''", "[]", "{}", "cores: {}\n", "cores: []\n", "order: {}\n", "cuts: {}\n"),
    *("cores: {lif1: []}\n", "cores: {lif1: [0, 0]}\n", "cores: {lif1: [0, 1, 2, 3, 4, 5, 6, 7]}\n", "cores: 64\n"),
    *("cores: {nobody: 0}\n", "cores: {lif1: 63, lif2: 0}\n", "cuts: {lif1: [1]}\n", "cuts: {lif1: [0]}\n"),
    *("cores: {lif1: [0, 1], lif2: 0}\ncuts: {lif1: [-1]}\n", "cores: {lif1: [0, 1], lif2: 1}\ncuts: {lif1: [99]}\n"),
    *("cores: {lif1: [0, 1], lif2: 1}\ncuts: {lif1: [2, 1]}\n", "order: {a: event}\n", "slots: {a: 1}\n", "slots: 0\n"),
)


def _lines(rng: Rng, data: bytes) -> bytes:
    line = pick(rng, LINES).encode()
    return pick(rng, (lambda: line, lambda: data + line, lambda: line + data))()


def _texts(rng: Rng, data: bytes) -> bytes:
    """What is no text, or too much of it."""
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    made = (
        lambda: laughs.encode() + data,
        lambda: laughs.encode() + b"cores: *a8\n",
        lambda: laughs.replace("[", "{k: [").replace("]", "]}").encode(),
        lambda: b"cores: " + b"[" * 3000,
        lambda: b"cores: " + b"{a: " * 3000,
        lambda: b"- " * 5000,
        lambda: b"lanes: " + b"9" * 5000,
        lambda: b"lanes: 0x" + b"f" * 50_000,
        lambda: b"lanes: " + b"1:" * 3000 + b"1",
        lambda: b"lanes: " + b"a" * 200_000,
        lambda: b"a" * (1 << 21),
        lambda: "".join(f"k{n}: {n}\n" for n in range(5000)).encode(),
        lambda: "".join(f"k{n}: *k{n}\n" for n in range(50)).encode(),
        lambda: data.decode("utf-8", "replace").encode("utf-16"),
        lambda: b"\xef\xbb\xbf" + data,
        lambda: data.replace(b":", b":\0", 1),
        lambda: data + b"\x85\xe2\x80\xa8\x1b[31m: 1\n",
        lambda: b'cores: {"\\x1b[31mred": 0}\n',
        lambda: b'cores: {"\\ud800": 0}\n',
        lambda: b'"\\ud800": 0\n',
    )
    return pick(rng, made)()


def _yaml_tree(rng: Rng, data: bytes) -> bytes:
    try:
        document = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError):  # changed before
        return data + pick(rng, NAMES).encode("utf-8", "replace")
    return yaml.safe_dump(tree(rng, document), sort_keys=False, allow_unicode=True).encode("utf-8", "replace")


def json_tree(rng: Rng, data: bytes) -> bytes:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data + b"}"
    return json.dumps(tree(rng, document)).encode()


def _json_text(rng: Rng, data: bytes) -> bytes:
    try:
        return json_text(rng, json.loads(data))
    except (ValueError, RecursionError):
        return data + b"]"


YAML = {"fields": _yaml_tree, "lines": _lines, "texts": _texts}
JSON = {"fields": json_tree, "text": _json_text}
