"""Elements written by index expressions, scatter and put."""
