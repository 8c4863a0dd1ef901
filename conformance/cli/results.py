"""The results files that commands are given: by name, or the folders in which runs left them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from torch_conformance.reports.outcome.merging import Part
from torch_conformance.reports.records.checking import check
from torch_conformance.reports.records.model import RecordError

FILE_NAME = "results.jsonl"
FILE_NAMES = (FILE_NAME, f"{FILE_NAME}.gz")


def parts(places: Sequence[Path]) -> list[Part]:
    """Return the records of results files, each named by its folder or file.

    Args:
        places: Files, or folders that hold results.jsonl or results.jsonl.gz, themselves or further down.

    Raises:
        click.UsageError: For a place that holds none, and for a file that was changed or damaged.
    """
    files = [file for place in places for file in _files(place)]
    names = _names(files)
    try:
        return [Part(names[file], check(file).records) for file in dict.fromkeys(files)]
    except RecordError as error:
        raise click.UsageError(f"{error}; see 'torch-conformance verify'") from None


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    found = sorted((path for name in FILE_NAMES for path in place.rglob(name)), key=_numbers_as_numbers)
    if not found:
        raise click.UsageError(f"{place}: holds no {FILE_NAME}; name the folder of a run (--out) or the file")
    yield from found


def _numbers_as_numbers(path: Path) -> list[tuple[int, str]]:
    """Return a key that puts torch-2.4.1 before torch-2.13.0."""
    parts: list[str] = re.findall(r"\d+|\D+", str(path))
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """Name files by their folders as far as these differ, else by their paths."""
    short = {
        file: file.absolute().parent.name if file.name in FILE_NAMES else file.name.partition(".")[0] for file in files
    }
    return {file: name if list(short.values()).count(name) == 1 else str(file) for file, name in short.items()}
