"""Stages of a build that the tools carried out before are taken from the user's cache."""

import contextlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spikeloom.boards import tools
from spikeloom.boards.implementation import Implementation
from spikeloom.hdl.kept import Kept, file_hash, key_of

__all__ = ["KEPT", "KeptStages"]

#: A design for a large board takes about 30 MB.
KEPT = Kept(kind="boards", most_bytes=2_000_000_000)


class KeptStages(Implementation):
    """A stage whose tool, arguments and files are what they were before is not run again.

    again: run it nevertheless, and keep what comes of it. kept: None keeps nothing. cached: stages that did not run.
    """

    def __init__(self, *given: Any, kept: Kept | None = None, again: bool = False, **options: Any) -> None:
        super().__init__(*given, **options)
        self.kept = kept
        self.again = again
        self.cached: list[str] = []

    def _run(
        self,
        stage: str,
        tool: str,
        arguments: list[str],
        folder: Path,
        timeout: float,
        endless: Callable[[str], bool] | None = None,
    ) -> None:
        def run() -> None:
            Implementation._run(self, stage, tool, arguments, folder, timeout, endless)

        if self.kept is None:
            return run()
        reads, writes = self._reads(stage), self._writes(stage)
        made_of = {
            "stage": stage,
            "tool": _tool(tool),
            "arguments": arguments,
            "reads": {path.name: file_hash(path) for path in reads},
        }
        key = key_of(made_of)
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):  # without a cache that can be written the tool does it all
                stack.enter_context(self.kept.locked(key))
            entry = None if self.again else self.kept.find(key)
            if entry is not None:
                self.progress(f"{stage}: from the cache")
                self.log = f"{stage.replace(' ', '-')}.log"
                for path in (*writes, self.build / self.log):
                    shutil.copyfile(entry / path.name, path)
                self.cached.append(stage)
                return None
            run()
            with contextlib.suppress(OSError):
                self.kept.keep(key, [*writes, self.build / str(self.log)], {"made_of": made_of})
        return None

    def _reads(self, stage: str) -> list[Path]:
        if stage == "synthesise":
            given = [self.build / name for name in ("synthesis.ys", "top.il", *self.family.libraries)]
            reads = [*sorted(path for path in self.rtl.iterdir() if path.is_file()), *given]
        elif stage == "pack":
            reads = [self.build / "top.placed"]
        else:
            reads = [self.build / name for name in ("top.json", f"top.{self.family.constraints}")]
        return [path for path in reads if path.exists()]


def _tool(name: str) -> list[str]:
    """A tool, by its version; one that comes in no package of ours, by its bytes too."""
    command = tools.find(name)[0]
    packaged = command == sys.executable or Path(command).stem == tools.TOOLS[name].command
    return [tools.version(name), "" if packaged else file_hash(Path(command))]
