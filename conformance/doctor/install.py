"""Checks of what is installed: torch, what it needs, and what stands in its way."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from torch_conformance.conformance.doctor.model import Check, Finding, Situation, how_it_ended

_SHADOWED = ("torch", "numpy")


def torch_imports(situation: Situation) -> Iterator[Finding]:
    """Whether torch can be imported and adds two numbers."""
    name, facts = "torch", situation.facts
    if situation.found is None:
        yield Finding(name, "problem", "torch is not installed in this environment", "pip install torch")
    elif "import error" in facts:
        said = _first_line(facts["import error"])
        yield Finding(name, "problem", f"torch at {situation.found} cannot be imported: {said}", _import_remedy(said))
    elif "file" not in facts:
        ended = how_it_ended(situation) or "it said nothing"
        reason = f"torch at {situation.found} cannot be imported: {ended}"
        yield Finding(name, "problem", reason, _CRASH_REMEDY)
    elif not situation.is_torch:
        sentence = f"{facts['file'] or situation.found} is named torch and is not PyTorch"
        yield Finding(name, "problem", sentence, "rename or remove it, then pip install torch")
    elif facts.get("ones") != [2.0, 2.0]:
        said = facts.get("ones error") or facts.get("ones") or how_it_ended(situation)
        sentence = f"torch {facts['version']} cannot add two numbers: {said}"
        yield Finding(name, "problem", sentence, _CRASH_REMEDY)
    else:
        kind = f"CUDA {facts['cuda']}" if facts.get("cuda") else f"ROCm {facts['hip']}" if facts.get("hip") else "CPU"
        yield Finding(name, "ok", f"torch {facts['version']}, built for {kind}, from {Path(facts['file']).parent}")
        ended = how_it_ended(situation)
        if ended:
            yield Finding(name, "problem", f"torch imports, and then {ended}", _CRASH_REMEDY)


_CRASH_REMEDY = (
    "install torch afresh (pip install --force-reinstall torch); where that does not help, a library that is loaded "
    "beside it is the cause: unset LD_PRELOAD and LD_LIBRARY_PATH, or use a fresh environment"
)


def _import_remedy(said: str) -> str:
    if "cannot open shared object file" in said or "undefined symbol" in said:
        return (
            "a library that torch needs is missing or another one was found first: unset LD_LIBRARY_PATH, "
            "then pip install --force-reinstall torch"
        )
    if "No module named" in said and "'torch" not in said:
        return "install what is missing: pip check names it"
    return "see the finding on shadowing, or install torch afresh: pip install --force-reinstall torch"


def shadowing(situation: Situation) -> Iterator[Finding]:
    """Whether something else than what was installed is found under torch's or NumPy's name."""
    found = [each for name in _SHADOWED for each in _shadows(situation, name)]
    yield from found or [Finding("shadowing", "ok", "nothing hides torch or NumPy")]


def _shadows(situation: Situation, name: str) -> Iterator[Finding]:
    versions: dict[Path, set[str]] = {}
    for each in _distributions(name):
        versions.setdefault(Path(str(each.locate_file(name))).resolve(), set()).add(each.version)
    installed = list(versions)
    for place, several in versions.items():
        if len(several) > 1:
            sentence = f"{place.parent} holds {name} {' and '.join(sorted(several))}, one over the other"
            remedy = f"pip uninstall {name} until none is left, then install it once"
            yield Finding("shadowing", "problem", sentence, remedy)
    if len(installed) > 1:
        places = ", ".join(str(each.parent) for each in installed)
        sentence = f"{name} is installed {len(installed)} times, and the first is used: {places}"
        yield Finding("shadowing", "note", sentence, f"pip uninstall {name} where it is not wanted")
    searched = [Path(place or situation.folder) for place in situation.search]
    first = next((module for place in searched if (module := _module_at(place, name))), None)
    if first is not None and installed and first.resolve() not in installed:
        sentence = f"{first} is found before the installed {name} ({installed[0]})"
        yield Finding("shadowing", "problem", sentence, "rename or remove it, or run from another folder")
    here = _module_at(situation.folder, name)
    if here is not None and here != first and here.resolve() not in installed:
        sentence = f"{here} would hide {name} from python -m, python -c and notebooks in this folder"
        yield Finding("shadowing", "note", sentence, "rename it, or work in another folder")


def _module_at(place: Path, name: str) -> Path | None:
    for path in (place / name, place / f"{name}.py"):
        if path.is_file() or (path / "__init__.py").is_file():
            return path
    return None


def _distributions(name: str) -> list[importlib.metadata.Distribution]:
    return [each for each in importlib.metadata.distributions(name=name) if each.metadata["Name"]]


def python_fits(situation: Situation) -> Iterator[Finding]:
    """Whether torch's package supports this Python."""
    version = platform.python_version()
    metadata = next((each.metadata for each in _distributions("torch")), None)
    wanted = metadata["Requires-Python"] if metadata is not None and "Requires-Python" in metadata else None
    if wanted and not SpecifierSet(wanted).contains(version, prereleases=True):
        sentence = f"Python {version} is not one that this torch supports ({wanted})"
        yield Finding("python", "problem", sentence, "make an environment with a Python in that range")
    elif situation.found is not None:
        yield Finding("python", "ok", f"Python {version}{f', torch supports {wanted}' if wanted else ''}")


def requirements(situation: Situation) -> Iterator[Finding]:
    """Whether what torch's package requires is there in the versions it asks for: nvidia-* wheels, triton and all."""
    distribution = next(iter(_distributions("torch")), None)
    if distribution is None:
        if situation.found is not None:
            yield Finding("requirements", "note", "torch has no package metadata: what it requires cannot be compared")
        return
    wrong = []
    wanted = [each for each in map(_requirement, distribution.requires or ()) if each is not None]
    for each in wanted:
        try:
            version = importlib.metadata.version(each.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{each.name} is missing")
            continue
        if not each.specifier.contains(version, prereleases=True):
            wrong.append(f"{each.name} is {version}, torch asks for {each.specifier}")
    if wrong:
        sentence = f"{'; '.join(wrong[:6])}{f'; {len(wrong) - 6} more' if len(wrong) > 6 else ''}"
        version = distribution.version
        yield Finding("requirements", "problem", sentence, f"pip install --force-reinstall torch=={version}")
    else:
        yield Finding("requirements", "ok", f"the {len(wanted)} packages that torch requires are there")


def _requirement(text: str) -> Requirement | None:
    """Return a requirement that applies here, leaving out those of extras."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    marker = requirement.marker
    return requirement if marker is None or marker.evaluate({"extra": ""}) else None


def numpy_fits(situation: Situation) -> Iterator[Finding]:
    """Whether torch and NumPy can exchange arrays: a torch built against NumPy 1 cannot with NumPy 2."""
    facts = situation.facts
    if not situation.is_torch:
        return
    version = facts.get("numpy")
    if version is None:
        said = _first_line(facts.get("numpy error", "it said nothing"))
        yield Finding("numpy", "problem", f"NumPy cannot be imported: {said}", "pip install numpy")
    elif facts.get("from_numpy") == [2.0, 2.0]:
        yield Finding("numpy", "ok", f"NumPy {version} and torch exchange arrays")
    else:
        said = _first_line(facts.get("from_numpy error") or how_it_ended(situation) or "another answer came back")
        old = Version(version).major >= 2 and Version(facts["version"]) < Version("2.3")
        remedy = "pip install 'numpy<2', or torch 2.3 or later" if old else "pip install --force-reinstall numpy torch"
        built = ", for this torch was built against NumPy 1" if old else ""
        yield Finding("numpy", "problem", f"torch cannot take over arrays of NumPy {version}{built} ({said})", remedy)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


CHECKS: tuple[Check, ...] = (torch_imports, shadowing, python_fits, requirements, numpy_fits)
