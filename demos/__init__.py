"""Web pages over trained models: thin Gradio apps, `ganzoo demo`."""
