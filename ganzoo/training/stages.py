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
        label = self.folder.name.rpartition("-")[0]
        return replace(self, folder=self.folder.with_name(f"{label}-{number_of(folder):03d}"), start=folder)


def number_of(folder: Path) -> int:
    """The number of a run, with which its folder's name ends.

    Example:
        from pathlib import Path

        from ganzoo.training.stages import number_of

        number_of(Path("runs/dcgan.digits-012"))    # 12
    """
    return int(folder.name.rpartition("-")[2])


def stage_runs(config: Config, label: str, output: Path, resume: bool, number: int | None = None) -> list[StageRun]:
    """The stages of a preset that are not yet followed by another one, in their order.

    Args:
        config: the preset.
        label: name of the preset's run folders, without the number.
        output: parent folder of the run folders.
        resume: go on with a run instead of starting a new one.
        number: of the run to resume, that at the end of its folder's name; None for the newest.

    Raises:
        GanzooError: there is no run to resume, or a number that is not one, or without `resume`.

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
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
        raise GanzooError(f"run must be a whole number of at least 1, got {number!r}")
    if not resume:
        if number is not None:
            raise GanzooError(f"run {number} is the number of a run to resume: set resume=True")
        number = 1 + max((n for one in labels for n in _runs(output, one)), default=0)
        first = 0
    else:
        # Even if it is a broken link: do not resume an older run instead.
        begun = [
            (n, i)
            for i, one in enumerate(labels)
            for n, path in _runs(output, one).items()
            if number in (None, n) and os.path.lexists(path / "checkpoints" / "last.keras")
        ]
        if not begun:
            which = "" if number is None else f" {number}"
            raise GanzooError(f"there is no run{which} of '{label}' with a checkpoint in {output}: nothing to resume")
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
