"""ganzoo demo"""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.core import ParameterSource

from ganzoo.cli.group import _Path, main
from ganzoo.errors import missing_package
from ganzoo.start import checked_back_end


class _Port(click.IntRange):
    """A port; a message about one names the environment variable that it comes from."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            if ctx and param and ctx.get_parameter_source(str(param.name)) is ParameterSource.ENVIRONMENT:
                error.param_hint = str(param.envvar)
            raise


_OPTIONS = (
    click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        envvar="GRADIO_SERVER_NAME",
        help="Address to listen on; 0.0.0.0 makes the page reachable from your network. [env: GRADIO_SERVER_NAME]",
    ),
    click.option(
        "--port",
        type=_Port(1, 65535),
        default=7860,
        show_default=True,
        envvar="GRADIO_SERVER_PORT",
        help="Port to listen on. [env: GRADIO_SERVER_PORT]",
    ),
    click.option(
        "--root-path",
        default="",
        envvar="GRADIO_ROOT_PATH",
        metavar="PATH",
        help="Path under which a reverse proxy serves the page and which it removes, e.g. /demo. "
        "[env: GRADIO_ROOT_PATH]",
    ),
    click.option(
        "--allowed-host",
        "allowed_hosts",
        multiple=True,
        metavar="NAME",
        envvar="GANZOO_ALLOWED_HOSTS",
        help="Additional host name of the page, e.g. that of a proxy; may be repeated. Requests for other names are "
        "refused. [env: GANZOO_ALLOWED_HOSTS, separated by spaces]",
    ),
    click.option(
        "--output",
        type=_Path(),
        default="runs",
        show_default=True,
        metavar="DIR",
        help="Folder for the run folders of live training.",
    ),
)


def serving(command: Callable) -> Callable:
    """Adds the options of a command that serves a page."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def need_gradio() -> None:
    """Raises a GanzooError if the web page cannot be served."""
    if importlib.util.find_spec("gradio") is None:
        raise missing_package("gradio", "demo", "the web page")


@main.command()
@click.argument("model", required=False, type=_Path())
@serving
def demo(model: str | None, host: str, port: int, root_path: str, allowed_hosts: Sequence[str], output: str) -> None:
    """Starts the web page of all models and of editing images, or of one model. MODEL is a model, a preset, a
    Hugging Face Hub address (hf://USER/NAME), a .keras file or a run folder.

    \b
    Examples: ganzoo demo dcgan
              ganzoo demo hf://USER/my-digits
              ganzoo demo --host 0.0.0.0 --allowed-host demo.example.org
              GRADIO_SERVER_PORT=8000 ganzoo demo

    Options win over the environment variables, which are those of Gradio.
    """
    from ganzoo import checks, registry

    if model is not None and model not in registry.list_models():
        checks.model(model)
    need_gradio()
    checked_back_end()
    from ganzoo.demos import hub

    hub.launch(model, host, port, allowed_hosts, root_path, output=output)
