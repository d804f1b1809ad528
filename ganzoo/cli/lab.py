"""ganzoo lab"""

from collections.abc import Sequence

from ganzoo.cli.demo import need_gradio, serving
from ganzoo.cli.group import main
from ganzoo.start import checked_back_end


@main.command()
@serving
def lab(host: str, port: int, root_path: str, allowed_hosts: Sequence[str], output: str) -> None:
    """Starts the web page of the laboratory: GANs on two-dimensional points and on images, which train while you watch.

    \b
    Examples: ganzoo lab
              ganzoo lab --port 8000

    It is also a page of `ganzoo demo`. Options win over the environment variables, which are those of Gradio.
    """
    need_gradio()
    checked_back_end()
    from ganzoo.demos import hub

    hub.launch(None, host, port, allowed_hosts, root_path, laboratory=True, output=output)
