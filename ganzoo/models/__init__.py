"""One file per model, named as the model is."""
