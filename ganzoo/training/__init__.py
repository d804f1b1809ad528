"""Training: the one train_step of the package, and what surrounds it in a run."""
