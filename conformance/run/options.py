"""The options of a run, declared once: for the pytest plugin, for `torch-conformance run`, and on the way between.

The plugin is registered for every pytest run in the environment, so this module imports nothing heavy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

PACKAGE = Path(__file__).resolve().parents[1]
PACKAGE_NAME = "torch_conformance.conformance"
PROFILE_NAMES = ("smoke", "standard", "deep")
NO_TORCH = "torch is not installed in this environment; install it (pip install torch), then run this again"

Kind = Literal["text", "file", "whole number", "number", "flag"]


@dataclasses.dataclass(frozen=True)
class Option:
    """An option of a run.

    Attributes:
        name: As `torch-conformance run` spells it after two hyphens; the plugin puts `conformance-` before it, so that
            it takes no name from the options of other plugins and projects.
        help: What it does, in one sentence.
        kind: What it takes.
        default: Where it is not given; a tuple where it can be given several times.
        metavar: What help calls its value.
        choices: The only values that it takes; empty for no such list.
        shown: How help tells the default; empty where the default says nothing.
        least: The least number that it takes.
        command: Whether `torch-conformance run` has it, too.
    """

    name: str
    help: str
    kind: Kind = "text"
    default: Any = None
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    shown: str = ""
    least: int | None = None
    command: bool = True

    @property
    def several(self) -> bool:
        """Whether it can be given several times."""
        return isinstance(self.default, tuple)

    @property
    def key(self) -> str:
        """Its name as a Python identifier."""
        return self.name.replace("-", "_")


OPTIONS = (
    Option(
        "device",
        "Torch device to judge; several times, or 'all'.",
        default=(),
        metavar="DEVICE",
        shown="cpu, and cuda where present",
    ),
    Option("dtype", "Keep only cells of this dtype; several times.", default=(), metavar="DTYPE"),
    Option(
        "clause",
        "Keep only clauses whose id matches, such as 'creation.full.*'; several times.",
        default=(),
        metavar="PATTERN",
    ),
    Option("profile", "How much each cell tries.", default="standard", choices=PROFILE_NAMES, shown="standard"),
    Option("seed", "Whole number, or 'random'.", default="0", metavar="N", shown="0"),
    Option("shard", "Run the k-th of n parts.", default="1/1", metavar="K/N"),
    Option(
        "waivers", "Known deviations, beside those shipped; several times.", kind="file", default=(), metavar="FILE"
    ),
    Option("out", "Folder for results.jsonl, junit.xml and index.html.", kind="file", metavar="FOLDER"),
    Option(
        "replay",
        "Run reproducer scripts in N fresh processes.",
        kind="whole number",
        default=3,
        metavar="N",
        shown="3",
        least=0,
    ),
    Option(
        "timeout",
        "What a cell may take; 0: no limit.",
        kind="number",
        metavar="SECONDS",
        shown="120, 300 or 3600 by profile",
        least=0,
    ),
    Option(
        "redact",
        "none: keep names of host and user, and paths, in results and reports.",
        default="default",
        choices=("default", "none"),
        shown="default",
    ),
    Option("resume", "Go on with the run in --out that was killed or interrupted.", kind="flag", default=False),
    Option("no-shrink", "Report a failing case as it was drawn.", kind="flag", default=False, command=False),
)

# Plugins that print what the command prints itself, or that cost time: unraisableexception collects garbage five times
# at the end of each process, a third of a second.
_WITHOUT = ("cacheprovider", "terminal", "logging", "randomly", "unraisableexception")


def pytest_command(targets: Sequence[str], settings: Mapping[str, Any], *, without: Sequence[str] = ()) -> list[str]:
    """Return the arguments with which pytest judges.

    Args:
        targets: What is collected: files, folders, or `--pyargs` and names of modules.
        settings: Values by the names of `OPTIONS`, with underscores; those left out, and None, keep their default.
        without: Plugins that are switched off besides those that no run needs.
    """
    given = [
        f"--conformance-{option.name}" if option.kind == "flag" else f"--conformance-{option.name}={value}"
        for option in OPTIONS
        for value in _values(option, settings.get(option.key))
    ]
    return [
        *targets,
        f"--config-file={PACKAGE / 'pytest.ini'}",
        f"--rootdir={PACKAGE}",
        *("-p", "torch_conformance.conformance.plugin", "--assert=plain"),
        *(word for name in (*_WITHOUT, *without) for word in ("-p", f"no:{name}")),
        # Cells have seeds of their own; the option spares Hypothesis a digest of every property's source.
        "--hypothesis-seed=0",
        *given,
    ]


def _values(option: Option, value: Any) -> Sequence[Any]:
    if value is None or value is False:
        return ()
    values = value if option.several else (value,)
    # A relative path would mean another file where a worker has another working folder.
    return [each.absolute() if option.several and isinstance(each, Path) else each for each in values]
