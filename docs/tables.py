"""Writes the tables of the README and the documentation: python -m docs.tables

A page has a table between the lines `<!-- table: NAME -->` and `<!-- end -->`. The numbers come from the metrics that
`ganzoo publish` stored in the presets; those of docs/lecture_tables.py come from measurements of their own.
"""

import itertools
import re
from pathlib import Path

from docs import lecture_tables  # noqa: F401  registers its tables
from docs.markdown_tables import TABLES, percent, table
from ganzoo import list_presets, presets
from ganzoo.cards import headline, training_time

ROOT = Path(__file__).parents[1]
PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

MODELS = {
    "gan": ("the original GAN: fully connected, maxout", "Goodfellow et al. 2014", "1406.2661"),
    "dcgan": ("deep convolutional GAN", "Radford et al. 2015", "1511.06434"),
    "cgan": ("class-conditional", "Mirza & Osindero 2014", "1411.1784"),
    "lsgan": ("least squares loss", "Mao et al. 2016", "1611.04076"),
    "wgan": ("Wasserstein distance, clipped weights", "Arjovsky et al. 2017", "1701.07875"),
    "wgan_gp": ("Wasserstein distance, gradient penalty", "Gulrajani et al. 2017", "1704.00028"),
    "began": ("an autoencoder as discriminator", "Berthelot et al. 2017", "1703.10717"),
    "vae": ("variational autoencoder", "Kingma & Welling 2013", "1312.6114"),
    "pixelcnn": ("autoregressive: each pixel from those before it", "van den Oord et al. 2016", "1606.05328"),
    "conditional_pixelcnn": ("PixelCNN, class-conditional", "van den Oord et al. 2016", "1606.05328"),
    "cyclegan": ("image translation without pairs", "Zhu et al. 2017", "1703.10593"),
    "srresnet": ("super-resolution (x2, x4), pixel loss", "Ledig et al. 2016", "1609.04802"),
    "srgan": ("4x super-resolution, perceptual and adversarial loss", "Ledig et al. 2016", "1609.04802"),
    "segan": ("speech enhancement on waveforms", "Pascual et al. 2017", "1703.09452"),
    "smoother": (
        "over-smoothed spectra of speech, by least squares",
        "Zen et al. 2009",
        "10.1016/j.specom.2009.04.004",
    ),
    "postfilter": ("texture for over-smoothed speech", "Kaneko et al. 2017", "10.1109/ICASSP.2017.7953090"),
    "wavenet": ("speech, sample by sample", "van den Oord et al. 2016", "1609.03499"),
    "cyclegan_vc": ("voice conversion without parallel speech", "Kaneko & Kameoka 2017", "1711.11293"),
    "gan_int_cls": ("text to image, in one stage", "Reed et al. 2016", "1605.05396"),
    "stackgan": ("text to image, in two stages", "Zhang et al. 2016", "1612.03242"),
}
# Data of presets of images, in the order of tables, and their names.
ORDER = ("mnist", "fashion_mnist", "digits")
NAMES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "digits": "digits", "avatars": "avatars"}
DIRECTIONS = ("forward", "backward")
RECOGNIZED = ("digit_recognized", "speaker_recognized", "real_digit_recognized", "real_speaker_recognized")
ATTRIBUTES = ("hair", "hair_color", "glasses", "facial_hair", "clothes", "clothes_color", "mouth", "skin")


def main():
    for path in pages():
        text = path.read_text("utf-8")
        if (new := current(text)) != text:
            path.write_text(new, "utf-8")
            print(path.relative_to(ROOT))


def pages() -> list[Path]:
    """The pages that may have tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def current(text: str) -> str:
    """A page with the tables of today's numbers."""
    return PLACE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}", text)


def trained():
    """{name: config} of the presets with weights."""
    configs = {name: presets.find(name).config for name in list_presets()}
    return {name: config for name, config in configs.items() if config.weights}


def weights_of(name):
    return presets.find(name).config.weights


def metrics_of(name):
    return weights_of(name).metrics


@table
def models():
    yield "model", "what it is", "paper", "presets with weights", "measured"
    shipped = {preset.split(".")[0] for preset in list_presets()}
    for name in sorted(shipped, key=list(MODELS).index):
        what, authors, paper = MODELS[name]
        # A number of arXiv, or a DOI.
        address = f"https://doi.org/{paper}" if "/" in paper else f"https://arxiv.org/abs/{paper}"
        with_weights = [preset for preset in trained() if preset.split(".")[0] == name]
        shown = ", ".join(f"`{preset.split('.')[1]}`" for preset in with_weights)
        best = min(with_weights, key=lambda preset: not presets.find(preset).config.default, default=None)
        yield f"`{name}`", what, f"[{authors}]({address})", shown, headline(metrics_of(best), best) if best else ""


def distances(preset):
    """(by the judge, by the classifier used during training): Fréchet distances, None where not measured."""
    metrics = metrics_of(preset)
    if both(preset):
        return metrics["frechet_distance"], metrics["classifier_frechet_distance"]
    return None, metrics["frechet_distance"]


def compared(preset):
    """The cells of both Fréchet distances of a preset, and of their ratio."""
    judge, selecting = distances(preset)
    return f"{judge:.1f}" if judge else "", f"{selecting:.1f}", f"{judge / selecting:.2f}" if judge else ""


@table
def image_generation():
    yield (
        *("preset", "Fréchet distance, judge", "training classifier", "ratio", "precision / recall"),
        *("classes covered", "training time", "data, license"),
    )
    rows = []
    for name, config in trained().items():
        weights = config.weights
        if {"precision", "classes_covered"} <= {*weights.metrics}:
            metrics = weights.metrics
            cells = [
                f"`{name}`",
                *compared(name),
                f"{metrics['precision']:.2f} / {metrics['recall']:.2f}",
                f"{metrics['classes_covered']} of {len(config.class_names) or 10}",
                training_time(metrics),
                f"{weights.data.split(', ')[0].removesuffix(' training set')}, {weights.license}",
            ]
            rows.append((data_of(name), metrics["frechet_distance"], cells))
    yield from (cells for _, _, cells in sorted(rows, key=lambda row: ([*ORDER, row[0]].index(row[0]), row[1])))


def data_of(preset):
    return preset.split(".")[1]


@table
def two_classifiers():
    """How far the distances of the judge and of the training classifier disagree."""
    yield "data", "presets", "ratio of the distances", "pairs of presets in the same order"
    for kind in (*ORDER, "avatars"):
        found = [distances(name) for name in trained() if data_of(name) == kind and both(name)]
        if len(found) < 2:
            continue
        ratios = sorted(judge / selecting for judge, selecting in found)
        pairs = list(itertools.combinations(found, 2))
        alike = sum((a[0] < b[0]) == (a[1] < b[1]) for a, b in pairs)
        yield NAMES[kind], len(found), f"{ratios[0]:.2f} to {ratios[-1]:.2f}", f"{alike} of {len(pairs)}"


def both(preset):
    return "classifier_frechet_distance" in metrics_of(preset)


@table
def likelihoods():
    yield "preset", "negative log-likelihood", "negative ELBO", "bits per dimension", "training time"
    for name, config in trained().items():
        metrics = config.weights.metrics
        if "negative_log_likelihood" in metrics:
            keys = "negative_log_likelihood", "negative_elbo"
            nats = (f"{metrics[key]:.1f} nats" if key in metrics else "" for key in keys)
            bits = f"{metrics['bits_per_dimension']:.3f}" if "bits_per_dimension" in metrics else ""
            yield f"`{name}`", *nats, bits, training_time(metrics)


def text_presets():
    return [name for name in list_presets() if weights_of(name) and "attributes_obeyed" in metrics_of(name)]


@table
def text_to_image():
    yield (
        *("preset", "attributes shown", "held out", "right caption of 10", "held out", "Fréchet distance, judge"),
        *("training classifier", "recall", "real avatars", "training time"),
    )
    keys = "attributes_obeyed", "held_out_attributes_obeyed", "right_of_10", "held_out_of_10"
    for name in text_presets():
        metrics = metrics_of(name)
        shares = (percent(metrics[key]) for key in keys)
        real = percent(metrics["real_attributes_obeyed"])
        time = training_time(metrics, " more" if trained()[name].training.start_from else "")
        yield f"`{name}`", *shares, *compared(name)[:2], f"{metrics['recall']:.2f}", real, time
    for name, obeyed in (("dcgan.avatars", ""), ("cgan.avatars", "class_accuracy"), ("vae.avatars", "")):
        if (weights := weights_of(name)) is not None:
            metrics = weights.metrics
            shown = (*compared(name)[:2], f"{metrics['recall']:.2f}", "", training_time(metrics))
            asked = f"{percent(metrics[obeyed])} (hair)" if obeyed else ""
            yield f"`{name}`, without captions", asked, "", "", "", *shown


@table
def attributes():
    yield "preset", *(name.replace("_", " ") for name in ATTRIBUTES)
    for name in text_presets():
        for prefix, title in (("obeyed_", f"`{name}`"), ("held_out_obeyed_", "the same, held-out pairs of colors")):
            yield title, *(percent(metrics_of(name)[prefix + attribute]) for attribute in ATTRIBUTES)


@table
def stages():
    metrics = metrics_of("stackgan.avatars")
    yield "`stackgan.avatars`", "measured"
    yield "Stage-I, enlarged: distance of spectra", f"{metrics['stage1_spectral_distance']:.1f} dB"
    yield "Stage-II", f"{metrics['spectral_distance']:.1f} dB"
    yield "two sets of real avatars", f"{metrics['real_spectral_distance']:.1f} dB"
    yield "attributes of Stage-I that Stage-II keeps", percent(metrics["attributes_kept"])


@table
def super_resolution():
    yield "Set5, x4", "PSNR, Y", "SSIM, Y", "LPIPS, alex", "LPIPS, vgg", "training time"
    # The preset of no model: bicubic interpolation, by the same command.
    yield "bicubic", "28.43 dB", "0.811", "0.340", "0.280", ""
    for preset in ("photos_x4", "photos_x4_large"):
        # The training of srgan starts from srresnet.
        for model, more in (("srresnet", ""), ("srgan", " more")):
            if (weights := weights_of(f"{model}.{preset}")) is not None:
                metrics = weights.metrics
                values = (f"{metrics[key]:.3f}" for key in ("ssim_y", "lpips_alex", "lpips_vgg"))
                time = training_time(metrics, more)
                yield f"`{model}.{preset}`", f"{metrics['psnr_y']:.2f} dB", *values, time


@table
def image_translation():
    lpips = "LPIPS, alex", "LPIPS, vgg"
    yield "translation", "PSNR to the ground truth", *lpips, "PSNR after translation and back", "training time"
    for name, config in trained().items():
        metrics = config.weights.metrics
        if "paired_psnr_forward" not in metrics:
            continue
        first, second = config.arguments.get("domains", ("first", "second"))
        for direction, (start, end) in zip(DIRECTIONS, ((first, second), (second, first))):
            lpips = (metrics.get(f"paired_lpips_{network}_{direction}") for network in ("alex", "vgg"))
            yield (
                f"`{name}`, {start} to {end}",
                f"{metrics[f'paired_psnr_{direction}']:.2f} dB",
                *("" if value is None else f"{value:.3f}" for value in lpips),
                f"{metrics[f'cycle_psnr_{direction}']:.2f} dB",
                training_time(metrics),
            )


@table
def speech_restoration():
    yield "mel-cepstra", "global variance", "modulation spectrum", "mel-cepstral distortion", "PESQ"
    names = ("variance_distance", "modulation_distance", "mel_cepstral_distortion")
    for title, name in (
        ("smooth: `smoother.speech`", "smoother.speech"),
        ("restored: `postfilter.speech`", "postfilter.speech"),
    ):
        metrics = metrics_of(name)
        decibels = (f"{metrics[key]:.2f} dB" for key in names)
        yield title, *decibels, f"{metrics['pesq']:.2f}"


@table
def voice_conversion():
    yield "conversion", "voice recognized", "words kept", "mel-cepstral distortion", "frame distance", "training time"
    for name, config in trained().items():
        metrics = config.weights.metrics
        if "voice_recognized_forward" not in metrics:
            continue
        first, second = config.arguments["domains"]
        for direction, (start, end) in zip(DIRECTIONS, ((first, second), (second, first))):
            found = {key.removesuffix(f"_{direction}"): value for key, value in metrics.items()}
            distortion = found.get("mel_cepstral_distortion")
            yield (
                f"`{name}`, {start} to {end}",
                percent(found["voice_recognized"]),
                percent(found["words_kept"]) if "words_kept" in found else "",
                "" if distortion is None else f"{distortion:.2f} dB",
                f"{found['frame_distance']:.2f} dB",
                training_time(metrics),
            )


@table
def speech_synthesis():
    yield "preset", "bits per sample", "digits recognized", "speakers recognized", "training time"
    for name, config in trained().items():
        metrics = config.weights.metrics
        if "bits_per_sample" not in metrics:
            continue
        shares = {key: percent(metrics[key]) if key in metrics else "" for key in RECOGNIZED}
        bits = f"{metrics['bits_per_sample']:.3f}"
        yield f"`{name}`", bits, *(shares[key] for key in RECOGNIZED[:2]), training_time(metrics)
        if shares[RECOGNIZED[2]]:
            yield "the real recordings", "", *(shares[key] for key in RECOGNIZED[2:]), ""


@table
def speech():
    metrics = metrics_of("segan.speech")
    yield "", "PESQ, wide band", "STOI", "SI-SDR", "segmental SNR"
    yield "noisy", "1.548", "0.854", "6.57 dB", "0.88 dB"
    pesq, stoi = (f"{metrics[key]:.3f}" for key in ("pesq", "stoi"))
    yield "`segan.speech`", pesq, stoi, f"{metrics['si_sdr']:.2f} dB", f"{metrics['segmental_snr']:.2f} dB"


if __name__ == "__main__":
    main()
