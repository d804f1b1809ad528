"""Using a trained model: grids of samples, walks through latent space."""

from ganzoo.inference import latent, sampling
from ganzoo.inference.sampling import grid, save_picture

__all__ = ["grid", "latent", "sampling", "save_picture"]
