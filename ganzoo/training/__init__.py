"""Training: the base classes of models with their training step, and training runs."""
