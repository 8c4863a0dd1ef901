"""What a training run is made of: optimisers, schedules, batches, regressions, networks."""
