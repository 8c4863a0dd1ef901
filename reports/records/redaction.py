"""Take out of records what says who ran them and where: results are made to be sent on.

What is known of the machine (home, user, host, the folders of the environment) is replaced wherever it stands alone: a
path by whole components, a name as a whole word. Other absolute paths are replaced in the texts that processes and
people write (commands, messages, tracebacks); scripts, inputs and values, which have to stay what they are, keep
everything but the known names. Universally unique identifiers go everywhere, addresses from the texts: in a build's
description four numbers with dots are a version.

This happens where records are written, so that whatever is made of them is redacted too, and the digest of the file
vouches for what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from torch_conformance.reports.records.model import Cell, Event, Failure, Run

_R = TypeVar("_R", bound=msgspec.Struct)

# Names that are words of the trade, or shared by everyone: they say nothing, and taking them out would spoil texts.
_COMMON = frozenset(
    {
        *("root", "user", "admin", "ubuntu", "runner", "debian", "fedora", "docker", "jenkins", "localhost", "build"),
        *("torch", "python", "pytest", "numpy", "cuda", "cpu", "test", "float", "int", "tensor", "conformance"),
    }
)
_SHORTEST = 3
_UNIQUE = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
# An absolute path of two components or more, where a word can begin; what stands behind "://" is a page.
_PATH = re.compile(r"(?:(?<![\w./:>~-])|(?<=file://))((?:/[^\s/:;,'\"<>|()\[\]{}*?]+)+)(/[^\s/:;,'\"<>|()\[\]{}*?]+)")
_WINDOWS_PATH = re.compile(r"(?<!\w)([A-Za-z]:(?:\\[^\s\\:;,'\"<>|]+)+)(\\[^\s\\:;,'\"<>|]+)")

# Fields whose texts are written by processes and people.
_TOLD: Mapping[type, frozenset[str]] = {
    Run: frozenset({"command", "environment", "selection", "path"}),
    Cell: frozenset({"reason"}),
    Failure: frozenset({"diagnosis", "traceback", "reproduced"}),
    Event: frozenset({"message"}),
}


class Redaction:
    """Replaces what is known of a machine, and what looks like it; equal texts become equal placeholders."""

    def __init__(self, places: Mapping[str, str], names: Mapping[str, str]) -> None:
        """Take what is known.

        Args:
            places: Absolute paths of folders, with what stands for each; of two that contain each other the longer
                counts.
            names: Names of users and hosts, with what stands for each; short and common ones are left alone.
        """
        self._places = {place.rstrip("/\\"): shown for place, shown in places.items() if place.strip("/\\")}
        known = sorted(self._places, key=len, reverse=True)
        self._known = re.compile(rf"(?<![\w.~-])(?:{'|'.join(map(re.escape, known))})(?![\w.-])") if known else None
        self._names = {name: shown for name, shown in names.items() if _telling(name)}
        words = sorted(self._names, key=len, reverse=True)
        self._words = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])") if words else None
        self._paths: dict[str, str] = {}

    def text(self, text: str, *, told: bool = False) -> str:
        """Return text without what it would give away.

        Args:
            text: Any text.
            told: Whether a process or a person wrote it: other absolute paths and addresses are taken out too.
        """
        if self._known is not None:
            text = self._known.sub(lambda found: self._places[found.group()], text)
        if self._words is not None:
            text = self._words.sub(lambda found: self._names[found.group()], text)
        text = _UNIQUE.sub("<unique-id>", text)
        if told:
            text = _PATH.sub(self._numbered, text)
            text = _WINDOWS_PATH.sub(self._numbered, text)
            text = _ADDRESS.sub("<address>", text)
        return text

    def _numbered(self, found: re.Match[str]) -> str:
        folder, last = found.groups()
        if folder not in self._paths:
            self._paths[folder] = f"<path-{len(self._paths) + 1}>"
        return f"{self._paths[folder]}{last}"

    def record(self, record: _R) -> _R:
        """Return a record whose texts give nothing away; keys and names of clauses stay as they are."""
        told = _TOLD.get(type(record))
        if told is None:
            return record
        changed = self._walk(msgspec.to_builtins(record), told, told=False)
        return msgspec.convert(changed, type(record))

    def _walk(self, value: Any, fields: frozenset[str], *, told: bool) -> Any:
        if isinstance(value, str):
            return self.text(value, told=told)
        if isinstance(value, list):
            return [self._walk(each, fields, told=told) for each in value]
        if isinstance(value, dict):
            return {key: self._walk(each, fields, told=told or key in fields) for key, each in value.items()}
        return value


def _telling(name: str) -> bool:
    """Whether a name says anything about a machine, and can be told from other words."""
    return len(name) >= _SHORTEST and name.lower() not in _COMMON and not name.isdigit()
