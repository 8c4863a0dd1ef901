"""The folder that a run writes to: for one run at a time, and without reports of another beside its records."""

from __future__ import annotations

from pathlib import Path

import filelock

from torch_conformance.reports.records.model import RecordError, Writer
from torch_conformance.reports.writers import running

_LOCK = ".lock"


class OutFolderError(Exception):
    """A folder cannot be written to; one sentence."""


class OutFolder:
    """A folder that this process has for itself until it is released."""

    def __init__(self, path: Path) -> None:
        """Make the folder where there is none, and take it.

        Raises:
            OutFolderError: When it cannot be written, or another run has it.
        """
        self.path = path
        self._lock = filelock.FileLock(path / _LOCK)
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            taken = f"--out {path}: another run is writing there; wait for it to end, or name another folder"
            raise OutFolderError(taken) from None
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: Exception) -> OutFolderError:
        reason = getattr(error, "strerror", None) or str(error)
        return OutFolderError(f"--out {self.path}: cannot be written ({reason}); name another folder")

    def open(self, keep: int) -> Writer:
        """Put "running" where reports of an earlier run may stand, and return the writer of records.

        Args:
            keep: How many bytes of the records there stay, because the run goes on.

        Raises:
            OutFolderError: When the folder does not take them.
        """
        try:
            running.write(self.path)
            return Writer(self.path / "results.jsonl", keep)
        except (OSError, RecordError) as error:
            self.release()
            raise self._refused(error) from None

    def release(self) -> None:
        """Let another run have the folder."""
        self._lock.release()
