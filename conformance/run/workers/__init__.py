"""The worker processes of a run: watched, pinned to units of the machine, and explained when they fail."""
