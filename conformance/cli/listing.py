"""torch-conformance list and show: the specification on a terminal, or as data."""

from __future__ import annotations

import dataclasses
import json
import sys

import click
import rich.console
import rich.table
import rich.text

from torch_conformance import spec

USAGE = 4
SUITE_FAILED = 3


class UnknownNameError(click.ClickException):
    """No clause or chapter has that name; one sentence, and the exit code of usage errors."""

    exit_code = USAGE


def _specification() -> spec.Specification:
    try:
        return spec.load()
    except spec.SpecificationError as error:
        click.echo(f"torch-conformance: the specification cannot be read: {error}", err=True)
        sys.exit(SUITE_FAILED)


def _as_data(clause: spec.Clause) -> dict[str, object]:
    return dataclasses.asdict(clause) | {"url": clause.url}


@click.command("list")
@click.argument("pattern", nargs=-1)
@click.option("--chapter", metavar="NAME", help="Only clauses of this chapter.")
@click.option("--kind", type=click.Choice(spec.KINDS), help="Only clauses of this kind.")
@click.option("--level", type=click.Choice(spec.LEVELS), help="Only clauses of this level.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("auto", "table", "plain", "json")),
    default="auto",
    show_default=True,
    help="auto: a table on a terminal, tab-separated lines elsewhere.",
)
def list_clauses(
    *, pattern: tuple[str, ...], chapter: str | None, kind: str | None, level: str | None, form: str
) -> None:
    """Print the clauses: all, those of a chapter, or those whose id matches a PATTERN."""
    known = _specification()
    chapters = [each.name for each in known.chapters]
    if chapter is not None and chapter not in chapters:
        raise UnknownNameError(f"no chapter is named {chapter!r}; there are {', '.join(chapters)}")
    try:
        clauses = known.select(pattern)
    except spec.SpecificationError as error:
        raise UnknownNameError(str(error)) from None
    wanted = {"chapter": chapter, "kind": kind, "level": level}
    chosen = [c for c in clauses if all(value in (None, getattr(c, key)) for key, value in wanted.items())]
    if form == "json":
        click.echo(json.dumps([_as_data(clause) for clause in chosen], indent=2, ensure_ascii=False))
    elif form == "table" or (form == "auto" and sys.stdout.isatty()):
        _print_table(chosen)
    else:
        for clause in chosen:
            click.echo(f"{clause.id}\t{clause.level}\t{clause.kind}\t{clause.dtypes}\t{clause.statement}")


def _print_table(clauses: list[spec.Clause]) -> None:
    table = rich.table.Table(box=None, header_style="bold")
    for name in ("clause", "level", "kind", "dtypes", "statement"):
        table.add_column(name, no_wrap=name == "clause")
    for clause in clauses:
        # As text: a statement may hold brackets, which are not markup.
        cells = (clause.id, clause.level, clause.kind, clause.dtypes, clause.statement)
        table.add_row(*map(rich.text.Text, cells))
    rich.console.Console().print(table)
    click.echo(f"{len(clauses)} clauses")


@click.command("show")
@click.argument("clause")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
def show_clause(*, clause: str, form: str) -> None:
    """Print everything about one CLAUSE."""
    known = _specification()
    found = known.clauses.get(clause)
    if found is None:
        raise UnknownNameError(f"no clause is named {clause!r}; {known.suggest(clause)}")
    if form == "json":
        click.echo(json.dumps(_as_data(found), indent=2, ensure_ascii=False))
        return
    members = ", ".join(known.dtype_sets.get(found.dtypes, ())) or "no dtype axis: one cell per device"
    click.echo(f"{found.id}\n\n  {found.statement}\n")
    rows = [
        ("level", f"{found.level}, {found.basis}"),
        ("kind", found.kind),
        ("source", f"{found.source}  {found.url}"),
        ("dtypes", f"{found.dtypes}: {members}"),
        ("may lack", found.optional),
        ("holds", _span(found)),
        ("tutorial", found.seed),
        ("must catch", ", ".join(found.faults)),
        ("note", found.note),
        ("defined", f"{found.file}:{found.line}"),
    ]
    for name, value in rows:
        if value:
            click.echo(f"  {name:<11}{value}")


def _span(clause: spec.Clause) -> str | None:
    parts = [f"since torch {clause.since}"] if clause.since else []
    parts += [f"until torch {clause.until}"] if clause.until else []
    return ", ".join(parts) or None
