"""Model cards: a preset described for people, with front matter for the Hugging Face Hub, and an image of samples.

The text comes from the YAML file and the sample image alone, so that it is written without importing Keras. The image's
caption, and the SHA-256 of the weights that generated it, are stored inside the PNG file.
"""

import io
import re
from collections.abc import Mapping
from typing import Any

import yaml

from ganzoo import registry
from ganzoo.config import Config, Weights
from ganzoo.errors import GanzooError, in_one_line
from ganzoo.inference.sampling import to_pillow

CARD_FILE = "README.md"
SAMPLES_FILE = "samples.png"
# Stands for the preset's name in a card whose preset has no name yet; `ganzoo push` puts the address there.
PLACE = "path/to/this/folder"
# Metrics of `weights.metrics` with the training time (of processors, or by the clock with a GPU), and where it trained.
_TRAINING_TIMES = {"training_cpu_minutes": "", "training_gpu_minutes": " on a GPU"}
# Metrics of `weights.metrics` that describe the training and not the model.
TRAINING = ("best_epoch", *_TRAINING_TIMES)
# Bytes of a sample image beside a preset; one that is larger is reduced to fewer colors.
_LARGEST_SAMPLES = 400_000
_REPOSITORY = "https://github.com/ganzoo/ganzoo"
# The hub's identifiers of licenses that data usually has: https://huggingface.co/docs/hub/repositories-licenses
_LICENSES = (
    *("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "zlib", "unlicense", "wtfpl", "mpl-2.0"),
    *("gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "gfdl", "ofl-1.1", "artistic-2.0"),
    *("cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"),
    *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "pddl", "odbl", "odc-by", "openrail", "unknown"),
    *("cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2"),
)
_SAME_LICENSES = {"cc0": "cc0-1.0", "public-domain": "cc0-1.0", "not-stated": "unknown"}
# Datasets by the name that TensorFlow Datasets and the hub give them.
_DATA_SETS = {"mnist": "ylecun/mnist", "fashion_mnist": "zalando-datasets/fashion_mnist"}
# Settings of `compile` that change how a loss is minimized, but not the loss.
_NOT_IN_LOSS = (
    "optimizer",
    "generator_optimizer",
    "discriminator_optimizer",
    "discriminator_steps",
    "ema_decay",
    "seed",
)
# Metrics whose names are not words joined by underscores.
_LABELS = {
    "negative_elbo": "negative ELBO, in nats",
    "reconstruction": "reconstruction, in nats",
    "kl": "KL divergence, in nats",
    "negative_log_likelihood": "negative log-likelihood, in nats",
    "frechet_distance": "Fréchet distance",
    "classifier_frechet_distance": "Fréchet distance (features of the validation classifier)",
    "psnr_y": "PSNR of the luma, in dB",
    "ssim_y": "SSIM of the luma",
    "psnr_rgb": "PSNR of RGB, in dB",
    "ssim_rgb": "SSIM of RGB",
    "lpips_alex": "LPIPS (AlexNet)",
    "lpips_vgg": "LPIPS (VGG)",
    "paired_psnr": "PSNR to the ground truth, in dB",
    "paired_lpips_alex": "LPIPS (AlexNet) to the ground truth",
    "paired_lpips_vgg": "LPIPS (VGG) to the ground truth",
    "cycle_psnr": "PSNR after translation and back, in dB",
    "frame_distance": "Fréchet distance of mel-cepstra to those of the target voice, in dB",
    "voice_recognized": "share of excerpts of one second recognized as the target voice",
    "words_kept": "share of recordings whose words are still recognized",
    "digit_recognized": "digits recognized",
    "speaker_recognized": "speakers recognized",
    "real_digit_recognized": "real recordings: digits recognized",
    "real_speaker_recognized": "real recordings: speakers recognized",
    "mel_cepstral_distortion": "mel-cepstral distortion, in dB",
    "variance_distance": "distance of global variances, in dB",
    "modulation_distance": "distance of modulation spectra, in dB",
    "pesq": "PESQ",
    "stoi": "STOI",
    "si_sdr": "SI-SDR, in dB",
    "segmental_snr": "segmental SNR, in dB",
    "csig": "CSIG",
    "cbak": "CBAK",
    "covl": "COVL",
    "inception_score": "Inception Score",
    "attributes_obeyed": "attributes as in the caption",
    "variety": "mean difference of images of one caption, in gray levels",
    "real_variety": "mean difference of real images, in gray levels",
    "right_of_10": "own caption ranked first of 10",
    "right_of_100": "own caption ranked first of 100",
    "of_10": "own caption ranked first of 10",
    "of_100": "own caption ranked first of 100",
}
# What else than the model's images, or by what else, a metric of these names describes.
_PREFIXES = {
    "held_out_": "held-out captions",
    "real_": "real images",
    "stage1_": "Stage-I",
    "classifier_": "by the validation classifier",
}
# {metric: what `headline` says of it}; the first that a preset has is taken.
_HEADLINES = {
    "attributes_obeyed": "{shares[attributes_obeyed]} of the attributes in captions shown",
    "negative_elbo": "negative ELBO {negative_elbo:.1f} nats (`{kind}`)",
    "bits_per_dimension": "{bits_per_dimension:.2f} bits per dimension (`{kind}`)",
    "negative_log_likelihood": "negative log-likelihood {negative_log_likelihood:.1f} nats (`{kind}`)",
    "psnr_y": "PSNR {psnr_y:.2f} dB, LPIPS {lpips_alex:.3f} (Set5)",
    "modulation_distance": "modulation spectra {modulation_distance:.1f} dB from natural speech (`{kind}`)",
    "pesq": "PESQ {pesq:.2f} (13 pairs of VoiceBank-DEMAND)",
    "digit_recognized": "digit recognized in {shares[digit_recognized]} and speaker in {shares[speaker_recognized]} "
    "of sounds, each the best of several; {bits_per_sample:.2f} bits per sample (`{kind}`)",
    "bits_per_sample": "{bits_per_sample:.2f} bits per sample (`{kind}`)",
    "voice_recognized_forward": "voice recognized in {shares[voice_recognized_forward]} and "
    "{shares[voice_recognized_backward]} (`{kind}`)",
    "paired_psnr_forward": "LPIPS {paired_lpips_alex_forward:.3f} and {paired_lpips_alex_backward:.3f} (`{kind}`)",
    "frechet_distance": "Fréchet distance {frechet_distance:.1f} (`{kind}`)",
}
# Directions of image translation, between the two domains of a model.
_DIRECTIONS = {"_forward": "forward", "_backward": "backward"}


def card(config: Config, name: str, samples: bytes | None = None, image: str = SAMPLES_FILE, page: bool = False) -> str:
    """The Markdown text of a model card.

    Args:
        config: a preset with weights.
        name: what `ganzoo.load` takes to load it.
        samples: the PNG of `samples_of`, for its caption; None for a card without it.
        image: path of the sample image, relative to the card.
        page: a page of the documentation, without front matter.

    Raises:
        GanzooError: a preset without weights.

    Example:
        from ganzoo import presets
        from ganzoo.cards import card

        text = card(presets.find("dcgan.mnist").config, "dcgan.mnist")
    """
    weights = config.weights
    if weights is None:
        raise GanzooError(f"{name} has no weights: a model card describes a trained model")
    parts = [] if page else [_front_matter(config, weights, name)]
    described = registry.describe(config.model)
    title = name if page else f"{described.partition(':')[0]}: {config.description or _short(weights.data)}"
    parts += [f"# {title}", _linked(described), _sentence(config.description) if page else ""]
    if samples is not None:
        caption = stored_in(samples).get("caption", "")
        parts += [f"![{_alternative(caption)}]({image})", caption and f"{caption}."]
    parts.append(equation_of(config))
    parts += ["## Use", _use(config, name), "## Data and license", _data(config, weights)]
    parts += ["## Metrics", _metrics(weights), "## Limits", _limits(config)]
    # By which `ganzoo push` recognizes the card of earlier weights.
    parts.append("" if page else f"<!-- weights: {weights.sha256} -->")
    return "\n\n".join(part for part in parts if part) + "\n"


def weights_of(text: str) -> str | None:
    """The SHA-256 of the weights that a card describes; None if it does not say, as one that was written by hand.

    Example:
        from ganzoo import presets
        from ganzoo.cards import card, weights_of

        config = presets.find("dcgan.mnist").config
        assert weights_of(card(config, "dcgan.mnist")) == config.weights.sha256
    """
    found = re.search(r"<!-- weights: ([0-9a-f]{64}) -->", text)
    return found[1] if found else None


def samples_of(model: Any, source: str, sha256: str, most_bytes: int = _LARGEST_SAMPLES) -> bytes | None:
    """A PNG file that shows what a model does, or None if its task has nothing to show.

    Args:
        model: a trained model.
        source: the data that it is evaluated on, or trained on.
        sha256: of its weights file, to be stored in the sample image.
        most_bytes: a larger image is reduced to fewer colors, at least 8.

    Example:
        from ganzoo.cards import samples_of, stored_in

        content = samples_of(ganzoo.load("dcgan.digits"), "digits", "4a92...")
        stored_in(content)["caption"]  # "32 images, generated from seed 0"
    """
    found = model.sample_image(source)
    if found is None:
        return None
    from PIL import Image, PngImagePlugin

    image, caption = to_pillow(found[0]), found[1]
    stored = PngImagePlugin.PngInfo()
    stored.add_itxt("caption", in_one_line(caption, 500))
    stored.add_itxt("weights", sha256)
    content = b""
    for colors in (None, 256, 128, 64, 32, 16, 8):
        reduced = image
        if colors:
            colored = image if image.mode in ("L", "RGB") else image.convert("RGB")
            reduced = colored.quantize(colors, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        reduced.save(buffer, "PNG", optimize=True, pnginfo=stored)
        content = buffer.getvalue()
        if len(content) <= most_bytes:
            break
    return content


def stored_in(samples: bytes) -> dict[str, str]:
    """The texts that `samples_of` stored in a PNG file: `caption`, and `weights`, a SHA-256.

    Raises:
        GanzooError: not a PNG file.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(samples), formats=["PNG"]) as image:
            texts = getattr(image, "text", {})
    # Pillow raises errors of several types for damaged files.
    except Exception as error:
        raise GanzooError(f"the sample image of the model card is not a PNG file: {in_one_line(error)}") from None
    return {key: in_one_line(value, 500) for key, value in texts.items() if isinstance(key, str)}


def license_identifier(license: str) -> str | None:
    """The hub's identifier of a license such as "CC BY-SA 3.0", or None if it has none or there are several.

    Example:
        from ganzoo.cards import license_identifier

        license_identifier("CC BY-SA 3.0")  # "cc-by-sa-3.0"
    """
    slug = re.sub(r"-licen[sc]e\b", "", _slug(license))
    slug = _SAME_LICENSES.get(slug, slug)
    return slug if slug in _LICENSES else None


def equation_of(config: Config) -> str:
    """What training minimizes, and the settings that a preset changes, in Markdown; "" if the model does not say it.

    Example:
        from ganzoo import presets
        from ganzoo.cards import equation_of

        text = equation_of(presets.find("dcgan.mnist").config)
    """
    equation = registry.declared(config.model, "equation")
    if not equation:
        return ""
    text = f"With the default settings of `compile`, training minimizes\n\n$$\n{equation}\n$$"
    settings = {key: value for key, value in config.compile.items() if key not in _NOT_IN_LOSS}
    if settings:
        text += f"\n\nThis preset sets {_and([f'`{_in_flow({key: value})}`' for key, value in settings.items()])}."
    return text


def evaluation_data(protocol: str) -> str:
    """The data of a protocol, e.g. "10,000 images of idx:t10k-images-idx3-ubyte.gz"."""
    found = re.search(r"(?:against |over |^)([\d,]+ (?:images|pairs|recordings) of \S+)", protocol)
    return (found[1] if found else protocol.partition(";")[0]).rstrip(",;")


def label(metric: str) -> str:
    """A metric's name in words."""
    if metric in _LABELS:
        return _LABELS[metric]
    for ending, words in _DIRECTIONS.items():
        if metric.endswith(ending):
            return f"{label(metric.removesuffix(ending))}, {words}"
    for prefix, words in _PREFIXES.items():
        if metric.startswith(prefix):
            return f"{words}: {label(metric.removeprefix(prefix))}"
    if metric.startswith("obeyed_"):
        return f"{label(metric.removeprefix('obeyed_'))} as in the caption"
    return metric.replace("_", " ")


def training_time(metrics: Mapping[str, float], more: str = "") -> str:
    """The training time of a model in words, or "" if it is not known.

    Args:
        metrics: of `weights.metrics`, where `training_cpu_minutes` are processor time and `training_gpu_minutes` are
            wall-clock time on a GPU.
        more: text after "minutes".

    Example:
        from ganzoo.cards import training_time

        training_time({"training_gpu_minutes": 3.0})  # "3 minutes on a GPU"
    """
    for key, place in _TRAINING_TIMES.items():
        if key in metrics:
            minutes = f"{metrics[key]:.0f}" if metrics[key] >= 1 else f"{metrics[key]:.1g}"
            return f"{minutes} minute{'' if minutes == '1' else 's'}{more}{place}"
    return ""


def measured(weights: Weights) -> dict[str, float]:
    """{name: number} of the metrics of a model, without those of its training."""
    return {key: value for key, value in weights.metrics.items() if key not in TRAINING}


def _front_matter(config: Config, weights: Weights, name: str) -> str:
    """The metadata of https://github.com/huggingface/hub-docs/blob/main/modelcard.md."""
    pipeline = registry.declared(config.model, "pipeline") or ""
    found: dict[str, Any] = {"library_name": "ganzoo"}
    identifier = license_identifier(weights.license)
    found["license"] = identifier or "other"
    if identifier is None:
        found["license_name"] = _slug(weights.license)[:80].strip("-") or "not-stated"
    if pipeline:
        found["pipeline_tag"] = pipeline
    adversarial = re.search("GAN|adversarial", registry.describe(config.model))
    tags = ["ganzoo", "keras", config.model.replace("_", "-"), *(["gan"] if adversarial else [])]
    found["tags"] = list(dict.fromkeys(tags))
    scheme, _, place = str(config.data.get("source", "")).partition(":")
    known = _DATA_SETS.get(place.partition(":")[0]) if scheme == "tfds" else None
    if known:
        found["datasets"] = [known]
    if metrics := measured(weights):
        data = evaluation_data(weights.protocol)
        task = {"type": pipeline or "image-generation", "name": registry.declared(config.model, "purpose") or pipeline}
        # Numbers mean nothing without their protocol.
        # The name of the test images of both datasets.
        kind = known if known and "t10k" in data else _slug(re.sub(r"^.* of (\w+:)?", "", data))[:80]
        dataset = {"type": kind, "name": data, "args": {"protocol": weights.protocol}}
        values = [{"type": key, "name": label(key), "value": value} for key, value in metrics.items()]
        index = {"name": name, "results": [{"task": task, "dataset": dataset, "metrics": values}]}
        found["model-index"] = [index]
    return f"---\n{yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=120)}---"


def _in_flow(settings: dict[str, Any]) -> str:
    """Settings in YAML, on one line without the outer braces."""
    return in_one_line(yaml.safe_dump(settings, default_flow_style=True, sort_keys=False, width=10**6).strip()[1:-1])


def _and(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[:-1] else parts)


def _use(config: Config, name: str) -> str:
    example = registry.declared(config.model, "example") or ""
    usage = (registry.declared(config.model, "usage") or "").format(name=name)
    given = example.splitlines()
    imports = {"import ganzoo", *(line for line in given if line.startswith(("import ", "from ")))}
    lines = sorted(imports, key=lambda line: (line.startswith("from "), line))
    lines += ["", f'model = ganzoo.load("{name}")', *(line for line in given if line not in imports)]
    text = "```python\n" + "\n".join(lines).rstrip() + "\n```"
    if usage:
        text += f"\n\nOn the command line: `{usage}`."
    if not registry.is_builtin(config.model):
        text += (
            f"\n\nThe class of `{config.model}` is not part of ganzoo: import the file that registers it first "
            "(on the command line: `ganzoo --import FILE.py ...`)."
        )
    return (
        text
        + f"\n\n[ganzoo]({_REPOSITORY}) is a package of generative models for Keras 3. The preset consists of a YAML "
        "file and an archive of arrays; loading it runs no code from either."
    )


def _data(config: Config, weights: Weights) -> str:
    lines = [f"- Trained on: {weights.data}", f"- License of the data: {weights.license}"]
    if time := training_time(weights.metrics):
        kind = " of processor time" if "training_cpu_minutes" in weights.metrics else ""
        epoch = weights.metrics.get("best_epoch")
        stage = f" for the last of {len(config.stages) + 1} stages" if config.stages else ""
        lines.append(f"- Training: {time}{kind}{stage}" + (f", up to epoch {epoch}" if epoch else ""))
    if start := config.training.start_from:
        lines.append(f"- Training started from the weights of `{start}`; the time above does not include theirs")
    return "\n".join(lines)


def _metrics(weights: Weights) -> str:
    metrics = measured(weights)
    if not metrics:
        return "Not measured."
    rows = "\n".join(f"| {label(key)} | {value:g} |" for key, value in metrics.items())
    clauses = "\n".join(f"- {clause}" for clause in weights.protocol.split("; "))
    return (
        f"| metric | value |\n|---|---|\n{rows}\n\nProtocol of `ganzoo evaluate`:\n\n{clauses}\n\n"
        "Numbers of other protocols cannot be compared with these."
    )


def _limits(config: Config) -> str:
    own = registry.declared(config.model, "limits") or ""
    return f"{own} The metrics say nothing about other data.".strip()


def _linked(text: str) -> str:
    """Text with links to the papers that it names."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _short(text: str) -> str:
    return text.partition(",")[0]


def _alternative(text: str) -> str:
    """Text between the brackets of a sample image, which end at the first closing one."""
    return text.replace("[", "(").replace("]", ")")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")


def headline(metrics: Mapping[str, float], preset: str) -> str:
    """The metric by which a preset of the package is known, in a few words; "" without one.

    Args:
        metrics: of its weights.
        preset: its name, e.g. "dcgan.mnist".

    Example:
        from ganzoo import cards

        cards.headline({"frechet_distance": 13.81, "recall": 0.83}, "dcgan.mnist")  # "Fréchet distance 13.8 (`mnist`)"
    """
    shares = {name: f"{100 * value:.1f}%".replace("100.0", "100") for name, value in metrics.items()}
    for name, text in _HEADLINES.items():
        if name in metrics:
            return text.format(**metrics, kind=preset.split(".")[-1], shares=shares)
    return ""
