"""Faults that the clauses of nn.recurrent must catch."""
