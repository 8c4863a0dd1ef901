"""Elements looked up along a dimension or by condition."""
