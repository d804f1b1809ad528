"""The command `ganzoo`, to which the other modules add theirs, and the types of their options."""

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ganzoo import __version__
from ganzoo.errors import GanzooError
from ganzoo.start import import_keras


class _Path(click.Path):
    """A path, or a name that may be one. ~ is expanded even where the shell does not, as in --output=~/runs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(os.path.expanduser(value) if isinstance(value, str) else value, param, ctx)


class _Number(click.FloatRange):
    """A number in a range that is not NaN or infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class _Sources(click.Argument):
    """The argument IN..., before OUT, which takes the last value. If there is no other value, the error names both."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        try:
            return super().process_value(ctx, value)
        except click.MissingParameter:
            raise click.UsageError("name what to read and what to write: IN... OUT", ctx) from None


class _Group(click.Group):
    """Reports the package's errors in one line, and suggests the nearest command for a mistyped one."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GanzooError as error:
            raise click.ClickException(str(error)) from None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            from ganzoo.errors import unknown

            raise click.UsageError(str(unknown("command", args[0], self.list_commands(ctx))))
        return super().resolve_command(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--import",
    "files",
    multiple=True,
    type=_Path(),
    metavar="FILE.py",
    help="Run a Python file first, so that its models are registered. This runs its code: use only files you trust.",
)
@click.version_option(__version__)
def main(files: Sequence[str]) -> None:
    """Trained generative models for Keras 3.

    \b
    Example: ganzoo generate dcgan --count 64 --seed 1 --output grid.png
    """
    # Without the line of code that warns.
    warnings.formatwarning = lambda message, *where, **options: f"warning: {message}\n"
    if files:
        from ganzoo import checks
        from ganzoo.registry import import_file

        for file in files:
            checks.existing(Path(file), kind="Python file")
        import_keras()
        for file in files:
            import_file(file)
