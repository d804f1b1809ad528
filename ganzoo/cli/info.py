"""ganzoo list, info"""

import click

from ganzoo.cli.group import _Path, main
from ganzoo.start import import_keras


@main.command("list")
@click.argument("pattern", default="*")
def list_(pattern: str) -> None:
    """Lists models and their presets.

    \b
    Example: ganzoo list "*.mnist"
    """
    from ganzoo import presets, registry

    names = presets.list_presets(pattern)
    models = [name for name in registry.list_models() if any(preset.startswith(f"{name}.") for preset in names)]
    models += registry.list_models(pattern)
    if not models:
        from ganzoo.errors import unknown

        raise unknown("model or preset", pattern, [*registry.list_models(), *presets.list_presets()])
    for model in sorted(set(models)):
        click.echo(f"{model:29}{registry.describe(model)}")
        for name in names:
            if name.startswith(f"{model}."):
                config = presets.find(name).config
                trained = "trained" if config.weights else "no weights"
                click.echo(f"  {name:27}{config.description} [{trained}{', default' if config.default else ''}]")


@main.command()
@click.argument("name", type=_Path())
def info(name: str) -> None:
    """Describes a model, a preset, a Hugging Face Hub address (hf://USER/NAME), a run folder or a .keras file.

    \b
    Example: ganzoo info dcgan
    """
    from ganzoo import loading, presets, registry
    from ganzoo.arguments import parameters_of
    from ganzoo.config import dump

    if name not in registry.list_models():
        presets.model_of(name)
    import_keras()
    from ganzoo.training.zoo_model import describe_networks

    if name in registry.list_models():
        click.echo(registry.own_docstring(name) + "\n")
        if not presets.list_presets(f"{name}.*"):
            found = parameters_of("__init__", owner=registry.model_class(name))
            click.echo(f"arguments: {', '.join(str(one.replace(annotation=one.empty)) for one in found.values())}")
            return
    config = presets.config_of(name)
    if config is None or presets.is_run(name):
        model, title = loading.load(name), name
        click.echo(f"{title}: {model.model_name} after {model.steps:,} steps")
    else:
        title = presets.find(name).name
        model = loading.build(config, title)
        click.echo(f"preset {title}: {config.description}")
    click.echo(f"{describe_networks(model)}\n")
    if config:
        click.echo(dump(config), nl=False)
        return
    click.echo(f"arguments: {model.arguments}")
    if names := getattr(model, "class_names", ()):
        click.echo(f"class_names: {', '.join(names)}")
