"""Functional Keras builders: sizes in, a `keras.Model` out; no loss and no training here."""
