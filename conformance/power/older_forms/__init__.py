"""Forms of faults: what is replaced, for which calls, and by what."""
