"""What judges one cell: the trial and its transcript, comparison, the way to torch and back, profiles."""
