"""A TOML file of the specification: where in it something stands, and the checks of its tables."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Strings and comments, so that neither is taken for a table's header or a key.
_TOKENS = (r'"""(?:\\.|[^\\])*?"""', r"'''.*?'''", r'"(?:\\.|[^"\\\n])*"', r"'[^'\n]*'", r"#[^\n]*")
_TOKEN = re.compile("|".join(_TOKENS), re.DOTALL)
_HEADER = re.compile(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?\s*")


def near(value: object, allowed: Sequence[str]) -> str:
    """Return a question for the closest of the allowed names, or nothing."""
    close = difflib.get_close_matches(str(value), allowed, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def is_text(value: object) -> bool:
    """Whether a value is text that says something."""
    return isinstance(value, str) and bool(value.strip())


def _blank(token: re.Match[str]) -> str:
    text = token.group()
    return re.sub(r"[^\n]", " ", text) if text.startswith(("#", '"""', "'''")) else text


class TomlFile:
    """A TOML file with the means to say where in it something stands."""

    def __init__(self, path: Path) -> None:
        """Read a file; what keeps it from being read becomes a problem."""
        self.path = path
        self.data: dict[str, Any] = {}
        self.lines: list[str] = []
        self.problems: list[str] = []
        text = ""
        try:
            text = path.read_text(encoding="utf-8")
            self.data = tomllib.loads(text)
        except OSError as error:
            self.refuse(1, f"cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            self.refuse(1, "is not UTF-8 text")
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            self.refuse(int(found.group(1)) if found else max(1, len(text.splitlines())), f"is not TOML: {error}")
        self.readable = not self.problems
        self.lines = _TOKEN.sub(_blank, text).split("\n")

    def refuse(self, line: int, message: str) -> None:
        """Note a problem, once."""
        problem = f"{self.path}:{line}: {message}"
        if problem not in self.problems:
            self.problems.append(problem)

    def headers(self, name: str) -> list[int]:
        """Return the line of each [name] or [[name]] header."""
        found = ((number, _HEADER.fullmatch(line)) for number, line in enumerate(self.lines, 1))
        return [number for number, header in found if header and header.group(1) == name]

    def key_line(self, start: int, key: str) -> int:
        """Return the line of a key in the table whose header is at a line (0: before any), or that line itself."""
        for number in range(start, len(self.lines)):
            if re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", self.lines[number]):
                return number + 1
            if _HEADER.fullmatch(self.lines[number]):
                break
        return max(1, start)

    def place(self, name: str) -> int:
        """Return the line of a top-level table or key."""
        headers = self.headers(name)
        return headers[0] if headers else self.key_line(0, name)

    def check_top(self, *known: str) -> None:
        """Refuse tables that a file of this kind does not have."""
        for key in self.data:
            if key not in known:
                self.refuse(self.place(key), f"unknown table {key!r}; one of {', '.join(known)}{near(key, known)}")

    def tables(self, name: str) -> Iterator[TomlTable]:
        """Yield each [[name]] table."""
        found = self.data.get(name, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.refuse(self.place(name), f"{name}: expected tables; head each with [[{name}]]")
            return
        lines = self.headers(name)
        for index, data in enumerate(found):
            yield TomlTable(self, lines[index] if index < len(lines) else self.place(name), data)

    def rows(self, name: str) -> Iterator[tuple[str, TomlTable]]:
        """Yield each row of a [name] table of tables, with its key."""
        found = self.data.get(name, {})
        if not isinstance(found, dict):
            self.refuse(self.place(name), f"{name} = {found!r}: expected a table [{name}] with one row per name")
            return
        for key, data in found.items():
            line = (self.headers(f"{name}.{key}") or [self.key_line(self.place(name), key)])[0]
            if isinstance(data, dict):
                yield key, TomlTable(self, line, data, f"{name} {key}: ")
            else:
                self.refuse(line, f"{name} {key} = {data!r}: expected a table {{ ... }}")


@dataclasses.dataclass(frozen=True)
class TomlTable:
    """A table of a file, and the checks of its keys; every check lets an absent key pass."""

    file: TomlFile
    line: int
    data: dict[str, Any]
    prefix: str = ""
    within: str | None = None  # the key of the table that this one is the value of

    def refuse(self, key: str, message: str) -> None:
        """Note a problem with a key."""
        self.file.refuse(self.file.key_line(self.line, self.within or key), self.prefix + message)

    def expect(self, key: str, wanted: str) -> None:
        """Note that a key's value is not what is wanted."""
        self.refuse(key, f"{key} = {self.data[key]!r}: expected {wanted}")

    def keys(self, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Refuse unknown keys, and the lack of a required one."""
        known = (*required, *optional)
        for key in self.data:
            if key not in known:
                self.refuse(key, f"unknown key {key!r}; one of {', '.join(known)}{near(key, known)}")
        for key in required:
            if key not in self.data:
                self.file.refuse(self.line, f"{self.prefix}the table has no key {key!r}; add it")

    def text(self, *keys: str) -> None:
        """Refuse what is not text."""
        for key in keys:
            if key in self.data and not is_text(self.data[key]):
                self.expect(key, "text")

    def texts(self, *keys: str) -> None:
        """Refuse what is neither text nor a list of at least one."""
        for key in keys:
            value = self.data.get(key, "absent")
            if not is_text(value) and not (isinstance(value, list) and value and all(map(is_text, value))):
                self.expect(key, "text, or a list of at least one")

    def numbers(self, *keys: str) -> None:
        """Refuse what is not a finite number from 0."""
        for key in keys:
            value = self.data.get(key, 0)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                self.expect(key, "a finite number from 0")

    def switches(self, *keys: str) -> None:
        """Refuse what is neither true nor false."""
        for key in keys:
            if not isinstance(self.data.get(key, True), bool):
                self.expect(key, "true or false")

    def choice(self, key: str, allowed: Sequence[str]) -> None:
        """Refuse a text that is none of those allowed."""
        value = self.data.get(key)
        if isinstance(value, str) and value not in allowed:
            self.expect(key, f"one of {', '.join(allowed)}{near(value, allowed)}")

    def dtypes(self, key: str, names: Sequence[str]) -> None:
        """Refuse the name of no set of dtypes."""
        value = self.data.get(key)
        if isinstance(value, str) and value not in names:
            self.refuse(key, f"{key} = {value!r}: no such set of dtypes in dtypes.toml{near(value, names)}")

    def version(self, key: str) -> Version | None:
        """Return a version; refuse what is none."""
        value = self.data.get(key)
        if isinstance(value, str):
            try:
                return Version(value)
            except InvalidVersion:
                self.expect(key, "a torch version such as '2.1'")
        return None
