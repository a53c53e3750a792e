"""Result folders with something wrong in them: in their document, in a file that it names, or in what lies there."""

import hashlib
import json
from collections.abc import Callable

from spikeloom.trust.hostile import texts
from spikeloom.trust.hostile.material import Content, Link, Pipe
from spikeloom.trust.hostile.nasty import MARK, NAMES, Rng, octets, pick

__all__ = ["changes"]

Files = dict[str, Content]
Change = Callable[[Rng, Files], Files]


def changes(document: str) -> dict[str, Change]:
    """Of a folder with this JSON document, which has the hashes of the others."""
    folder = document.partition("/")[0]

    def of_document(change: Callable[[Rng, bytes], bytes]) -> Change:
        def changed(rng: Rng, files: Files) -> Files:
            content = files.get(document)
            return files | {document: change(rng, content)} if isinstance(content, bytes) else files

        return changed

    def contents(rng: Rng, files: Files) -> Files:
        """One file is another, and half of the time the document knows."""
        name = pick(rng, sorted(files))
        content = files[name]
        if not isinstance(content, bytes):
            return files
        files = files | {name: octets(rng, content)}
        return _sealed(files) if rng.random() < 0.5 else files

    def entries(rng: Rng, files: Files) -> Files:
        """What lies there is missing, a link, a pipe, a folder, or one too many."""
        name = pick(rng, [*sorted(files), document])
        there = dict(files)
        up = "../" * name.count("/")
        made: tuple[Callable[[], object], ...] = (
            lambda: there.pop(name),
            lambda: there.update({name: Pipe()}),
            lambda: there.update({name: Link(f"{up}{MARK}")}),
            lambda: there.update({name: Link(f"{up}../outside/new")}),
            lambda: there.update({name: Link("/dev/zero")}),
            lambda: there.update({name: Link("/dev/null")}),
            lambda: there.update({name: Link(name.rpartition("/")[2])}),
            lambda: there.update({f"{name}.d/{name.rpartition('/')[2]}": there.pop(name)}),
            lambda: there.update({f"{folder}/report.html": Link(f"../{MARK}")}),
            lambda: there.update({f"{folder}/report.html": Link("../../outside/new.html")}),
            lambda: there.update({f"{folder}/report.html": Pipe()}),
            lambda: there.update({f"{folder}/.spikeloom": Link(f"../{MARK}")}),
            lambda: there.update({f"{folder}/.spikeloom": rng.bytes(30)}),
            lambda: there.update({f"{folder}/.spikeloom": Pipe()}),
            lambda: there.update({f"{folder}/more": Link("../../outside")}),
            lambda: there.update({f"{folder}/x/build.json": pick(rng, (b"{}", b"[]", b'{"format": 3}', Pipe()))}),
        )
        pick(rng, made)()
        return there

    def index(rng: Rng, files: Files) -> Files:
        """The list of the folder's files."""
        name = f"{folder}/.spikeloom"
        content = files.get(name)
        lines = content if isinstance(content, bytes) else b""
        more = (pick(rng, NAMES) + "\n").encode("utf-8", "replace")
        return files | {name: pick(rng, (octets(rng, lines), lines + more, more, lines + f"../{MARK}\n".encode()))}

    return {
        "document": of_document(texts.json_tree),
        "text of the document": of_document(texts.JSON["text"]),
        "contents": contents,
        "entries": entries,
        "list of files": index,
    }


def _sealed(files: Files) -> Files:
    """The folder with the right hashes in its document, wherever it has one of a file's."""
    found = next((name for name in files if name.endswith(("manifest.json", "build.json"))), None)
    content = files.get(found or "")
    if found is None or not isinstance(content, bytes):
        return files
    folder = found.rpartition("/")[0]
    try:
        document = json.loads(content)
        hashes = {
            name: hashlib.sha256(c).hexdigest() for name, c in files.items() if isinstance(c, bytes) and name != found
        }
        document["images"] = {name: hashes.get(f"{folder}/{name}", old) for name, old in document["images"].items()}
        for part in ("verilog", "loom"):
            name = f"{folder}/{document[part]['file']}"
            document[part]["sha256"] = hashes.get(name, document[part]["sha256"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return files
    return files | {found: json.dumps(document).encode()}
