"""Training: base classes of models, the training step, and everything around it in a run."""
