"""Using a trained model: grids of samples, walks through latent space, pictures of any size, files."""

from ganzoo.inference import latent, photographs, sampling, tiling
from ganzoo.inference.sampling import grid, save_picture

__all__ = ["grid", "latent", "photographs", "sampling", "save_picture", "tiling"]
