"""Presets that are trained in stages: `stages` in YAML.

Each stage has a run folder of its own, with the number of the preset's: runs/segan.speech-content-001 and so on, and
runs/segan.speech-001 for the preset itself, which is the last stage.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ganzoo.config import Config, of_stage
from ganzoo.errors import GanzooError


@dataclass(frozen=True)
class StageRun:
    """A stage of a preset and the folder of its run.

    Attributes:
        number: index of the stage in `config.stages`; None for the last stage, which is the preset itself.
        folder: the run folder.
        resume: whether the run has begun.
        start: the run folder of the stage before; None for the first stage.
        title: e.g. "stage 2 of 5: adversarial"; empty for a preset without stages.
    """

    number: int | None
    folder: Path
    resume: bool = False
    start: Path | None = None
    title: str = ""

    def apply(self, config: Config) -> Config:
        """The config of this stage, made from the preset's."""
        return config if self.number is None else of_stage(config, self.number)

    def after(self, folder: Path) -> "StageRun":
        """This stage after the run in a folder, with the same number: another process may have taken the first one."""
        label, number = self.folder.name.rpartition("-")[0], folder.name.rpartition("-")[2]
        return replace(self, folder=self.folder.with_name(f"{label}-{number}"), start=folder)


def stage_runs(config: Config, label: str, output: Path, resume: bool) -> list[StageRun]:
    """The stages of a preset that are not yet followed by another one, in their order.

    Args:
        config: the preset.
        label: name of the preset's run folders, without the number.
        output: parent folder of the run folders.
        resume: go on with the newest run instead of starting a new one.

    Raises:
        GanzooError: there is no run to resume.

    Example:
        from pathlib import Path

        from ganzoo.config import Config
        from ganzoo.training.stages import stage_runs

        preset = Config("segan", stages=[{"name": "content", "training": {"epochs": 2}}])
        folders = [run.folder.name for run in stage_runs(preset, "mine", Path("runs"), resume=False)]
        folders     # ["mine-content-001", "mine-001"]
    """
    names = [stage.name for stage in config.stages]
    labels = [*(f"{label}-{name}" for name in names), label]
    if not resume:
        number = 1 + max((n for one in labels for n in _runs(output, one)), default=0)
        first = 0
    else:
        # Even if it is a broken link: do not resume an older run instead.
        begun = [
            (n, i)
            for i, one in enumerate(labels)
            for n, path in _runs(output, one).items()
            if os.path.lexists(path / "checkpoints" / "last.keras")
        ]
        if not begun:
            raise GanzooError(f"there is no run of '{label}' with a checkpoint in {output}: nothing to resume")
        number, first = max(begun)
    folders = [output / f"{one}-{number:03d}" for one in labels]
    count = len(labels)
    return [
        StageRun(
            number=i if i < count - 1 else None,
            folder=folders[i],
            resume=resume and i == first,
            start=folders[i - 1] if i else None,
            title=f"stage {i + 1} of {count}: {([*names, 'the preset itself'])[i]}" if names else "",
        )
        for i in range(first, count)
    ]


def _runs(output: Path, label: str) -> dict[int, Path]:
    """{number: run folder}."""
    pattern = re.compile(re.escape(label) + r"-(\d+)")
    folders = output.iterdir() if output.is_dir() else []
    return {int(found[1]): path for path in folders if (found := pattern.fullmatch(path.name))}
