"""The app with all pages, started by `ganzoo demo`."""

import importlib
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import fastapi
import gradio as gr
from starlette.staticfiles import StaticFiles

from ganzoo import registry
from ganzoo.errors import GanzooError, unknown
from ganzoo.start import import_keras, import_keras_in_background

from . import about, editing, gallery, lab, lab_svg, live
from .common import QUEUE, add_preset, received, trained_presets
from .gate import MEGABYTE, MOST_MEGABYTES, Gate, Hosts
from .page_cache import PageCache
from .server import serve

# Pages that are not of one model: modules with TITLE, the name of the tab, available(), whether what the page needs is
# there, and page(), like that of a model's page but without an argument.
TOOLS: tuple[Any, ...] = (lab, live, editing)

# When a visitor chooses a wrong kind of file, Gradio's front end lists MIME types; no setting changes that message.
_PLAIN_MESSAGES = """<script>
new MutationObserver(() => {
    for (const text of document.querySelectorAll("[data-testid='toast-text']")) {
        const found = text.textContent.match(/^Invalid file types?: (.*)\\. Only (\\w+)\\/.* allowed\\.$/);
        const kinds = {audio: "a recording, e.g. WAV, FLAC, OGG or MP3", image: "an image, e.g. PNG or JPEG"};
        if (found) text.textContent = `${found[1]} cannot be used here: choose ${kinds[found[2]] ?? "another file"}`;
    }
}).observe(document.documentElement, {childList: true, subtree: true});
</script>"""
# Gradio's images have an empty alternative text, unlike their labels. That of an example is the name of its file.
_ALTERNATIVES = """<script>
new MutationObserver(() => {
    for (const [id, labels] of Object.entries(LABELS)) {
        document.querySelectorAll(`#${id} img`).forEach((image, i) => { image.alt ||= labels[i % labels.length]; });
    }
    for (const image of document.querySelectorAll("[id$=-examples] img")) {
        image.alt ||= decodeURIComponent(image.src).split("/").pop().replace(/\\.\\w+$/, "").replaceAll("-", " ");
    }
}).observe(document.documentElement, {childList: true, subtree: true});
</script>"""
# Opening a tab waits for no model.
_AT_ONCE: dict[str, Any] = dict(concurrency_limit=None, api_visibility="private")
_OF_THE_API = ("api_info", "api_info_as_input", "api_info_as_output", "example_inputs")
_FONTS: dict[str, Any] = dict(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


class App(gr.Blocks):
    """The app of the pages. It checks the values of requests, once for all pages."""

    is_built = False

    def get_config_file(self) -> Any:
        """What the browser gets of the app, without descriptions of the web API, which is closed."""
        if not self.is_built:
            # Gradio requests it while the app is still being built, and discards the result.
            return {}
        config = super().get_config_file()
        for component in config["components"]:
            component.update({name: {} for name in _OF_THE_API if name in component})
        return config

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """The values of a request as the page's function gets them.

        Overrides Gradio's method, which reads images from anywhere on the disk, fetches URLs, decodes files before
        checking limits, and prints a traceback for every value out of range.
        """
        if len(inputs) != len(block_fn.inputs):
            raise gr.Error(f"expected {len(block_fn.inputs)} values, got {len(inputs)}", print_exception=False)
        found = []
        for component, value in zip(block_fn.inputs, inputs):
            if component.stateful:
                found.append(state[component._id])
            else:
                # The visitor's own component, where an event has changed it: presets have different choices.
                # Gradio 6.2 has no `state.get`.
                own = state[component._id] if component._id in state else component  # noqa: SIM401
                found.append(received(own, value))
        return found


def models_with_pages() -> list[str]:
    """Names of the models that have trained weights and a page."""
    return [name for name in registry.list_models() if trained_presets(name) and _module(name)]


def build(model: str | None = None) -> App:
    """The app.

    Args:
        model: show only the page of this model; if not given, all pages in tabs, also those that are not of one model.

    Raises:
        GanzooError: a model without a page or without trained weights.
    """
    names = models_with_pages()
    if model is not None:
        if model not in registry.list_models():
            raise unknown("model", model, registry.list_models())
        if model not in names:
            raise GanzooError(f"'{model}' has no page; models with a page: {', '.join(names) or 'none'}")
        names = [model]
    if not names:
        raise GanzooError("no model has trained weights to show")
    if "preprocess_data" not in vars(gr.Blocks):
        # `App.preprocess_data` would never be called.
        raise GanzooError(f"the page cannot check requests under Gradio {gr.__version__}: pip install 'gradio<7'")
    with App(title="ganzoo", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        gr.Markdown("# ganzoo\nTrained generative models, running on this server.")
        with gr.Tabs() as tabs:
            openers: dict[str, gr.Button] = {}
            if model is None:
                with gr.Tab(gallery.TITLE.capitalize(), id=gallery.TITLE):
                    openers = gallery.page(names)
            # What does not fit on the screen is behind Gradio's button "...": what has no card in the gallery comes
            # first, and pages of another model last.
            for tool in TOOLS if model is None else ():
                if tool.available():
                    with gr.Tab(tool.TITLE.capitalize(), id=tool.TITLE) as tab:
                        _begin(tab.select, tool.page())
            borrowed = [name for name in names if not _has_own_page(name)] if model is None else []
            own = [name for group in gallery.ordered(names).values() for name in group if name not in borrowed]
            places = _tabs(app, own, is_first=model is not None)
            places |= _tabs(app, borrowed, is_first=False)
        for name, opener in openers.items():
            opener.click(_opening(places[name]), outputs=[tabs], show_progress="hidden", **_AT_ONCE)
        if model is None:
            app.unload(_left)
    return _built(app)


def build_lab() -> App:
    """The app of the laboratory alone: games on points, and live training on images."""
    with App(title="ganzoo lab", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        gr.Markdown("# The laboratory\nGANs that train on this machine while you watch.")
        with gr.Tabs():
            with gr.Tab("Points", id=lab.TITLE):
                _begin(app.load, lab.page())
            with gr.Tab("Images", id=live.TITLE):
                live.page()
        app.unload(_left)
    return _built(app)


def _built(app: App) -> App:
    """The app, once all its pages exist."""
    app.queue(max_size=QUEUE, api_open=False)
    app.is_built = True
    return app


def _left(request: gr.Request) -> None:
    """A visitor has closed the page: what trains for this visitor stops."""
    lab.left(request)
    live.left(request)


def _tabs(app: App, names: list[str], is_first: bool) -> dict[str, str]:
    """A tab for each page of these models; {model: the tab's id}."""
    places: dict[str, str] = {}
    for name in names:
        if name in places:
            continue
        module: Any = _module(name)
        together = [other for other in getattr(module, "MODELS", [name]) if other in names]
        place = ", ".join(together)
        places |= dict.fromkeys(together, place)
        with gr.Tab(", ".join(gallery.described(one)[0] for one in together), id=place) as tab:
            gr.Markdown(about.heading(together))
            # A model is loaded when its tab is opened, not when the app starts.
            _begin(app.load if is_first and name == names[0] else tab.select, module.page(together[0]))
            about.panel(together)
    return places


def _begin(opening: Callable[..., Any], events: Iterable[dict[str, Any] | tuple[dict[str, Any], ...]]) -> None:
    """Runs the first events of a page when it opens: all at once, those of a tuple one after the other."""
    for event in events:
        run = opening
        for one in event if isinstance(event, tuple) else (event,):
            run = run(**one).then


def _opening(title: str) -> Callable[[], Any]:
    """A function that opens a tab."""

    def opened() -> Any:
        return gr.Tabs(selected=title)

    return opened


def _has_own_page(name: str) -> bool:
    """Whether a model's page was written for it, and not for another of the same task."""
    module: Any = _module(name)
    return name == module.__name__.rpartition(".")[2] or name in getattr(module, "MODELS", ())


def web(app: App, hosts: Hosts, root_path: str = "") -> Gate:
    """The ASGI app behind its gate.

    Args:
        app: from `build`.
        hosts: the hosts that a request may name.
        root_path: as in `launch`.
    """
    labels = json.dumps(_alternatives(app)).replace("<", "\\u003c")
    outer = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    outer.mount("/samples", StaticFiles(directory=gallery.SAMPLES))
    gr.mount_gradio_app(
        outer,
        app,
        path="/",
        root_path=root_path or None,
        max_file_size=MOST_MEGABYTES * MEGABYTE,
        # Messages of unexpected errors go to the terminal only.
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        theme=gr.themes.Default(**_FONTS),
        footer_links=[],
        head=_PLAIN_MESSAGES + gallery.HEAD + about.HEAD + lab_svg.HEAD + _ALTERNATIVES.replace("LABELS", labels),
    )
    return Gate(PageCache(outer), app, hosts)


def _alternatives(app: App) -> dict[str, list[str]]:
    """{element: the alternative texts of its images}, from the labels."""
    found = {}
    for block in app.blocks.values():
        if block.elem_id and isinstance(block, gr.Image) and block.label:
            found[block.elem_id] = [str(block.label)]
        elif block.elem_id and isinstance(block, gr.ImageSlider):
            found[block.elem_id] = [f"{block.label}: {which}" for which in ("before", "after")]
    return found


def launch(
    model: str | None = None,
    host: str = "127.0.0.1",
    port: int = 7860,
    allowed_hosts: Iterable[str] = (),
    root_path: str = "",
    laboratory: bool = False,
    output: str | Path = "runs",
) -> None:
    """Serves the app until Ctrl-C or SIGTERM.

    Args:
        model: as in `build`, or anything that `ganzoo.load` takes, which its model's page then offers first.
        host: address or name of this machine to listen on; 0.0.0.0 for all its addresses.
        port: the port to listen on.
        allowed_hosts: further host names that browsers may use, e.g. that of a reverse proxy.
        root_path: path under which a reverse proxy serves the page, e.g. "/demo", or the whole address; the proxy
            removes it from requests.
        laboratory: serve the laboratory alone.
        output: parent folder of the run folders of live training.

    Raises:
        GanzooError: as in `build`; the host or port cannot be listened on; an invalid host name or root path.
    """
    hosts = Hosts(host, allowed_hosts)
    root = root_path.strip().rstrip("/")
    if root and not re.fullmatch(r"(https?://[A-Za-z0-9._:-]+)?(/[A-Za-z0-9._~-]+)*", root):
        raise GanzooError(f"--root-path {root_path} is neither a path such as /demo nor a whole address")
    live.store_runs_in(output)
    if model is not None and model not in registry.list_models():
        import_keras()
        model = add_preset(model)

    def make_app() -> Gate:
        gate = web(build_lab() if laboratory else build(model), hosts, root)
        # The first page needs no model: Keras is imported while it is already shown.
        import_keras_in_background()
        return gate

    serve(make_app, host, port)


def _module(name: str) -> ModuleType | None:
    """The module of a model's page, which its task names, or None."""
    page = registry.declared(name, "page")
    return importlib.import_module(page) if isinstance(page, str) else page
