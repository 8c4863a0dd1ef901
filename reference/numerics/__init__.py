"""How far a correct floating computation may lie from the exact answer; special functions; statistics."""
