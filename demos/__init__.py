"""Web pages for trained models: thin Gradio apps, started by `ganzoo demo`."""

from . import gradio_start as gradio_start
