"""Builders of functional Keras models; no losses, no training."""
