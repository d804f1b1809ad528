"""Web pages for trained models: thin Gradio apps, started by `ganzoo demo`."""
