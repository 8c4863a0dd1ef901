"""The mark that binds a property to the clause, or to the family of clauses, that it judges."""

from __future__ import annotations

import pytest

# `@clause("chapter.subject.fact")` above a property binds it; `@clause("chapter.*.fact")` binds it to the clause
# of every subject, which the property reads from `cell.clause.subject`.
clause = pytest.mark.clause
