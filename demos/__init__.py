"""Web pages for trained models: thin Gradio apps, started by `ganzoo demo`.

Importing this package sets environment variables of Gradio and creates a temporary folder for its files, which is
removed when the process ends.
"""

from . import gradio_start as gradio_start
