"""Inference with a trained model: sample grids, latent space walks, images of any size, files."""

from ganzoo.inference import image_files, latent, sampling, tiling
from ganzoo.inference.sampling import grid, save_image

__all__ = ["grid", "image_files", "latent", "sampling", "save_image", "tiling"]
