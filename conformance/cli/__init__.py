"""The command line: torch-conformance and its commands."""

from __future__ import annotations

import sys
import tempfile
import traceback

import click

from torch_conformance.conformance.cli.compare import compare
from torch_conformance.conformance.cli.doctor import doctor
from torch_conformance.conformance.cli.listing import list_clauses, show_clause
from torch_conformance.conformance.cli.merge import merge
from torch_conformance.conformance.cli.power import power
from torch_conformance.conformance.cli.report import history, report
from torch_conformance.conformance.cli.run import run
from torch_conformance.conformance.cli.verify import verify

INCOMPLETE = 2
SUITE_FAILED = 3
USAGE = 4


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="torch-conformance")
def group() -> None:
    """Does this torch install, on this hardware, behave as PyTorch documents?

    Exit codes: 0 conformant, 1 deviations found, 2 incomplete, 3 the suite itself failed, 4 usage.
    """


group.add_command(run)
group.add_command(list_clauses)
group.add_command(show_clause)
group.add_command(power)
group.add_command(merge)
group.add_command(compare)
group.add_command(history)
group.add_command(verify)
group.add_command(report)
group.add_command(doctor)


def _kept(error: Exception) -> str:
    """Keep the traceback of an error of our own in a file; return the sentence that says so."""
    what = f"an error of torch-conformance itself ({type(error).__name__}: {error}), which says nothing about torch"
    try:
        with tempfile.NamedTemporaryFile("w", prefix="torch-conformance-", suffix=".txt", delete=False) as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return f"{what}; its traceback could not be kept"
    return f"{what}; attach {file.name} to a report of it"


def main() -> None:
    """Run the command line; a usage error is one sentence and exit code 4."""
    try:
        status = group.main(prog_name="torch-conformance", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("torch-conformance: interrupted", err=True)
        sys.exit(INCOMPLETE)
    except click.UsageError as error:
        if error.ctx is not None and type(error).__name__ == "NoArgsIsHelpError":
            click.echo(error.ctx.get_help())
            sys.exit(0)
        message = error.format_message().rstrip(".")
        place = error.ctx.command_path if error.ctx is not None else "torch-conformance"
        click.echo(f"torch-conformance: {message}. See '{place} --help'.", err=True)
        sys.exit(USAGE)
    except click.ClickException as error:
        click.echo(f"torch-conformance: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - whatever it is, it says nothing about torch
        click.echo(f"torch-conformance: {_kept(error)}", err=True)
        sys.exit(SUITE_FAILED)
    sys.exit(status if isinstance(status, int) else 0)
