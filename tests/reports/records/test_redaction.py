from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_builders import KEYS, cell, deviating, event, failure, run

from torch_conformance.reports.records import model as records
from torch_conformance.reports.records.redaction import Redaction


def _redaction() -> Redaction:
    places = {"/home/alice": "<home>", "/home/alice/venv": "<environment>", "/": "<root>", "/tmp": "<temporary>"}  # noqa: S108
    return Redaction(places, {"alice": "<user>", "node17": "<host>", "a": "<user>", "root": "<user>"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('File "/home/alice/venv/lib/x.py"', 'File "<environment>/lib/x.py"'),
        ("/home/alice", "<home>"),
        ("/home/alicee/x", "<path-1>/x"),
        ("/home/alice-2/data/x", "<path-1>/x"),
        ("alice@node17 and malice", "<user>@<host> and malice"),
        ("a root of a tensor", "a root of a tensor"),
        ("node17-b", "node17-b"),
        ("https://docs.pytorch.org/docs/stable/torch.html", "https://docs.pytorch.org/docs/stable/torch.html"),
        ("file:///srv/data/x", "file://<path-1>/x"),
        ("x / y / z, 1/2/3, and/or", "x / y / z, 1/2/3, and/or"),
        ("opened /srv/a/b.bin, /srv/a/c.bin", "opened <path-1>/b.bin, <path-1>/c.bin"),
        (r"C:\Users\bob\x.py", r"<path-1>\x.py"),
        ("from 10.0.0.17:22", "from <address>:22"),
        ("GPU-6f2b1c9e-0123-4567-89ab-0123456789ab", "GPU-<unique-id>"),
    ],
)
def test_what_is_told_is_redacted_and_nothing_else(text: str, shown: str) -> None:
    assert _redaction().text(text, told=True) == shown


def test_versions_and_values_stay_where_no_one_tells_a_story() -> None:
    redaction = _redaction()
    for text in ("CuDNN 9.1.0.70", "oneDNN /opt/rh/usr/bin/c++", "x = torch.ones(3) / n"):
        assert redaction.text(text) == text


def test_scripts_inputs_and_values_stay_what_they_are() -> None:
    script = "import torch\nx = torch.ones(3) /2/ 3  # /srv/a/b 10.0.0.1\n"
    kept = _redaction().record(failure(KEYS[0], script=script, expected="[1] /a/b", statement="f(x) /a/b"))
    assert (kept.script, kept.expected, kept.statement) == (script, "[1] /a/b", "f(x) /a/b")


def test_every_told_field_is_redacted() -> None:
    told = "in /srv/secret/folder/x"
    redaction = _redaction()
    about = run(
        command=["tool", told],
        environment={"CUBLAS": told},
        torch=records.Torch(version="2", git="", config="", path=told, cuda=""),
    )
    found = [
        redaction.record(about),
        redaction.record(cell(KEYS[0], reason=told)),
        redaction.record(failure(KEYS[0], traceback=told, diagnosis=told)),
        redaction.record(event("note", told)),
    ]
    for record in found:
        assert b"secret" not in records.encoded(record)


@given(text=st.text())
def test_redaction_is_stable_and_never_fails(text: str) -> None:
    once = _redaction().text(text, told=True)
    assert _redaction().text(text, told=True) == once


def test_records_keep_their_types_and_keys() -> None:
    redaction = Redaction({}, {})
    assert [redaction.record(record) for record in deviating()] == deviating()
