"""A run: its plan, its processes, and what they write down."""
