"""How much of a text the page shows, in characters: the rest is in results.jsonl."""

from __future__ import annotations

# A reproducer script in the page's elements, and in the data of its script, which take less room to hold.
SCRIPT, DATA_SCRIPT = 200_000, 400_000
# A block of text, such as a traceback; a line, such as a diagnosis; a line of an issue's text, which people type into.
BLOCK, LINE, DRAFT_LINE = 4000, 400, 300
