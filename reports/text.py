"""Make text from records safe to show: names, messages and values come from the torch and the files under judgement."""

from __future__ import annotations

import re

# Controls, line separators, marks that reorder or hide what stands around them, surrogates and noncharacters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """Return text with everything that a reader cannot see written as an escape; tabs and line ends stay."""
    return _INVISIBLE.sub(_escape, text.replace("\r\n", "\n"))


def cut(text: str, limit: int) -> str:
    """Return the first `limit` characters, and how many there were where that is not all."""
    return text if len(text) <= limit else f"{text[:limit]} ... ({len(text)} characters)"


def one_line(text: str, limit: int) -> str:
    """Return text on one line of at most about `limit` characters."""
    return visible(cut(" ".join(text.split()), limit))
