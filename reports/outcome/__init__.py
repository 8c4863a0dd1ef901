"""What records mean: the verdict, and what becomes of several runs."""
