"""Records: what a run appends to results.jsonl, and the readers that trust none of it."""
