"""How much of torch a run asked about: chapters, sections of the tutorial, public callables without a clause."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from torch_conformance.reports.page.gathering import Gathered
from torch_conformance.spec import Specification
from torch_conformance.spec.inplace import methods
from torch_conformance.spec.operators import operators

_FUNCTION = re.compile(r"\btorch(?:\.[A-Za-z_]\w*)+")
_METHOD = re.compile(r"\b[a-z]\w?\.([A-Za-z]\w*)\(")
# In a sentence a word is code where it has an underscore or is called.
_CODE = re.compile(r"\b(?:\w+_\w*|\w+(?=\())")


@dataclasses.dataclass(frozen=True)
class Breadth:
    """What a part of the specification was asked with: its clauses, their cells, and the comparisons in them."""

    name: str
    clauses: int
    cells: int
    run: int
    comparisons: int


@dataclasses.dataclass(frozen=True)
class Namespace:
    """The public callables of a namespace, and those that no clause names."""

    name: str
    total: int
    uncovered: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Refusals:
    """Cells that were not judged for one reason."""

    state: str
    reason: str
    cells: int
    clauses: tuple[str, ...]


def _breadth(groups: dict[str, list[str]], installs: Sequence[Gathered]) -> list[Breadth]:
    cells: Counter[str] = Counter()
    run: Counter[str] = Counter()
    comparisons: Counter[str] = Counter()
    for install in installs:
        cells.update(clause for clause, _, _ in install.states)
        for (clause, _, _), cell in install.cells.items():
            run[clause] += cell.execution == "completed"
            comparisons[clause] += cell.comparisons
    return [
        Breadth(name, len(ids), *(sum(counts[each] for each in ids) for counts in (cells, run, comparisons)))
        for name, ids in groups.items()
    ]


def per_chapter(installs: Sequence[Gathered], specification: Specification) -> list[Breadth]:
    """Return breadth and depth per chapter of the specification."""
    titles = {chapter.name: chapter.title for chapter in specification.chapters}
    groups: dict[str, list[str]] = {title: [] for title in titles.values()}
    for clause in specification.clauses.values():
        groups.setdefault(titles.get(clause.chapter, clause.chapter), []).append(clause.id)
    return _breadth(groups, installs)


def per_section(installs: Sequence[Gathered], specification: Specification) -> list[Breadth]:
    """Return breadth and depth per section of the seed tutorial."""
    groups: dict[str, list[str]] = {}
    for clause in specification.clauses.values():
        name = (clause.seed or "beyond the tutorial").partition(":")[0]
        groups.setdefault(name, []).append(clause.id)
    return _breadth(dict(sorted(groups.items())), installs)


def named_callables(specification: Specification) -> frozenset[str]:
    """Return the names that clauses and tables speak of: full ones, and last parts for what only a sentence names."""
    named: set[str] = set()
    for clause in specification.clauses.values():
        named.add(clause.source)
        named.add(clause.subject.replace("-", "_"))
        named.update(_FUNCTION.findall(clause.statement), _CODE.findall(clause.statement))
    for row in operators().values():
        named.add(f"torch.{row.name}")
        named.update(_names_in((*row.spellings, *row.inplace, *row.out)))
    for method in methods().methods.values():
        named.update(_names_in(method.calls))
    return frozenset(named)


def _names_in(expressions: Iterable[str]) -> set[str]:
    text = "\n".join(expressions)
    return {*_FUNCTION.findall(text), *(f"torch.Tensor.{name}" for name in _METHOD.findall(text))}


def surface(installs: Sequence[Gathered], specification: Specification) -> list[Namespace]:
    """Return the public callables of all installs by namespace, the largest first."""
    named = named_callables(specification)
    spaces: dict[str, list[str]] = {}
    for name in sorted(frozenset().union(*(install.surface for install in installs))):
        spaces.setdefault(name.rpartition(".")[0], []).append(name)
    found = []
    for space, names in spaces.items():
        bare = tuple(name for name in names if name not in named and not _by_last_part(name, named))
        found.append(Namespace(space, len(names), bare))
    return sorted(found, key=lambda each: -each.total)


def _by_last_part(name: str, named: frozenset[str]) -> bool:
    """Whether a sentence names a function or a method; other namespaces have other functions of the same name."""
    space, _, last = name.rpartition(".")
    return space in ("torch", "torch.Tensor") and last in named


def refusals(installs: Sequence[Gathered]) -> list[Refusals]:
    """Return what was unsupported or did not apply, by the probe that says so, the most cells first."""
    groups: dict[tuple[str, str], list[str]] = {}
    for install in installs:
        for (clause, _, _), (state, reason) in install.states.items():
            if state in ("unsupported", "inapplicable"):
                groups.setdefault((state, reason), []).append(clause)
    found = [
        Refusals(state, reason, len(clauses), tuple(dict.fromkeys(clauses)))
        for (state, reason), clauses in groups.items()
    ]
    return sorted(found, key=lambda each: (each.state == "inapplicable", -each.cells))
