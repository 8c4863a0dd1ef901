"""The specification as data: clauses, chapters, dtypes; bounds stand in `accuracy`."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
from collections.abc import Mapping, Sequence

from packaging.version import Version

from torch_conformance.spec import accuracy
from torch_conformance.spec.accuracy import Bound

LEVELS = ("must", "should", "may")
BASES = ("documented", "derived", "de-facto")
KINDS = (
    *("value", "dtype", "shape", "layout", "alias", "mutation", "error", "grad", "special-value", "rng"),
    *("device", "interop", "training"),
)
NO_DTYPES = "none"
_DOCUMENTATION = "https://docs.pytorch.org/docs/stable"


class SpecificationError(Exception):
    """The specification cannot be read, or a name in it cannot be found.

    Attributes:
        problems: One sentence each; those about a file begin with path:line.
    """

    def __init__(self, *problems: str) -> None:
        """Keep the problems; the text is one per line."""
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclasses.dataclass(frozen=True, slots=True)
class Clause:
    """One sentence about one fact.

    Attributes:
        id: chapter.subject.fact, in kebab-case; never changes its meaning.
        statement: The sentence.
        level: must, should or may.
        basis: documented, derived from what is documented, or de-facto.
        source: A public name whose docstring says it, or the path of a documentation page.
        kind: What is judged; one of KINDS.
        dtypes: A set of dtypes, each a cell; "none" for one cell per device.
        faults: Names of the faults that it must catch.
        seed: Section of the seed tutorial that it comes from.
        since: First torch version for which it holds.
        until: First torch version for which it no longer holds.
        optional: A set of dtypes for which a device may answer "not implemented".
        note: What is left out, and why.
        chapter: Stem of the file.
        file: The file.
        line: Where the clause begins in it.
    """

    id: str
    statement: str
    level: str
    basis: str
    source: str
    kind: str
    dtypes: str
    faults: tuple[str, ...]
    seed: str | None
    since: str | None
    until: str | None
    optional: str | None
    note: str | None
    chapter: str
    file: str
    line: int

    @property
    def subject(self) -> str:
        """The middle part of the id."""
        return self.id.split(".")[1]

    @property
    def url(self) -> str:
        """Where the documentation says it."""
        if self.source.startswith("torch."):
            return f"{_DOCUMENTATION}/generated/{self.source}.html"
        return f"{_DOCUMENTATION}/{self.source}.html"

    def applies_to(self, torch_version: str) -> bool:
        """Whether the clause holds for a torch version; local and development suffixes do not count."""
        version = release(torch_version)
        if self.since is not None and version < release(self.since):
            return False
        return self.until is None or version < release(self.until)


def release(text: str) -> Version:
    """Return a version without its local and development suffixes."""
    return Version(Version(text).base_version)


@dataclasses.dataclass(frozen=True, slots=True)
class Chapter:
    """A file of clauses: its stem, title, and what it is about."""

    name: str
    title: str
    about: str


@dataclasses.dataclass(frozen=True, slots=True)
class DType:
    """An element type: torch's name, category (bool, integral, floating, complex), width, first torch version."""

    name: str
    category: str
    bits: int
    signed: bool
    since: str
    numpy: str


@dataclasses.dataclass(frozen=True, slots=True)
class Specification:
    """Everything that must hold.

    Attributes:
        chapters: In file order.
        clauses: By id, in file order.
        dtypes: By name.
        dtype_sets: Members of each named set, in the order of `dtypes`.
        bounds: Accuracy per operation, set of dtypes and device.
        manifest: SHA-256 of the content; comments and formatting do not count.
    """

    chapters: tuple[Chapter, ...]
    clauses: Mapping[str, Clause]
    dtypes: Mapping[str, DType]
    dtype_sets: Mapping[str, tuple[str, ...]]
    bounds: tuple[Bound, ...]
    manifest: str

    def dtypes_of(self, clause: Clause, torch_version: str) -> tuple[str, ...]:
        """Return the dtypes of a clause's cells that a torch version has; empty for a clause without a dtype axis."""
        if clause.dtypes == NO_DTYPES:
            return ()
        version = release(torch_version)
        members = self.dtype_sets[clause.dtypes]
        return tuple(name for name in members if release(self.dtypes[name].since) <= version)

    def bound(self, operation: str, dtype: str, device: str = "cpu") -> Bound:
        """Return the bound of an operation for a dtype on a device.

        Raises:
            SpecificationError: Where accuracy.toml has none, with the closest names.
        """
        found = accuracy.find(self.bounds, self.dtype_sets, operation, dtype, device)
        if found is None:
            known = sorted({each.operation for each in self.bounds})
            close = ", ".join(difflib.get_close_matches(operation, known, n=3, cutoff=0.4)) or "nothing"
            what = f"accuracy.toml has no bound for {operation!r} of {dtype} on {device}"
            raise SpecificationError(f"{what}; closest: {close}")
        return found

    def select(self, patterns: Sequence[str]) -> tuple[Clause, ...]:
        """Return the clauses whose id matches a pattern, begins with it, or is it; all for no pattern.

        Raises:
            SpecificationError: For a pattern that matches nothing, with the closest names.
        """
        if not patterns:
            return tuple(self.clauses.values())
        chosen: dict[str, None] = {}
        for pattern in patterns:
            found = [each for each in self.clauses if each == pattern or each.startswith(f"{pattern}.")]
            found = found or fnmatch.filter(self.clauses, pattern)
            if not found:
                raise SpecificationError(f"no clause matches {pattern!r}; {self.suggest(pattern)}")
            chosen |= dict.fromkeys(found)
        return tuple(each for each in self.clauses.values() if each.id in chosen)

    def suggest(self, name: str) -> str:
        """Return the clause ids and chapters closest to a name, in words."""
        known = [*(chapter.name for chapter in self.chapters), *self.clauses]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        return f"closest: {', '.join(close)}" if close else "torch-conformance list prints all of them"
