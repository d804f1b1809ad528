"""Voice conversion of `cyclegan_vc` beside what needs no network, on recordings that it was not trained on:

    python -m benchmarks.voice_conversion --data "named:fsdd:{digit}_{speaker}_{index}:index=0-4"
    python -m benchmarks.voice_conversion --model cyclegan_vc.voices --data "folder:voices4:split=test"

"unchanged" are the recordings themselves, "vocoder alone" is their analysis and synthesis, "pitch and mean" gives the
pitch and each mel-cepstral coefficient the mean and deviation of the other voice. "the other voice" are the wanted
voice's own recordings of other utterances: what a perfect conversion could reach.
"""

import argparse

import numpy as np

import ganzoo
from ganzoo.data.vocoder import analyze, synthesize
from ganzoo.data.voices import open_voices
from ganzoo.evaluation.voice_conversion import baseline, evaluate, evaluate_function
from ganzoo.metrics.cepstra import aligned_distortion
from ganzoo.metrics.conversions import excerpts
from ganzoo.metrics.extractors import get_extractor
from ganzoo.metrics.registry import rounded
from ganzoo.metrics.spoken import spectrogram_images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="cyclegan_vc")
    parser.add_argument("--data", required=True, help="recordings of both voices, not used for training")
    parser.add_argument("--metric", action="append")
    asked = parser.parse_args()
    model = ganzoo.load(asked.model)
    rows = baseline(model, asked.data, asked.metric)
    rows.append(evaluate_function(vocoder, model, asked.data, asked.metric, "vocoder alone"))
    rows.append(evaluate(model, asked.data, metrics=asked.metric, name=asked.model))
    for row in rows:
        print(f"{row.name:20}", "  ".join(f"{key} {value:g}" for key, value in row.metrics.items()))
    shown = "  ".join(f"{key} {value:g}" for key, value in rounded(real_recordings(model, asked.data)).items())
    print(f"{'the other voice':20}", shown)
    print(rows[0].protocol)


def vocoder(audio, sample_rate, direction):
    """Analysis and synthesis of a recording."""
    return synthesize(analyze(np.asarray(audio, "float32"), sample_rate))


def real_recordings(model, data):
    """What the metrics say of real recordings of the target voice."""
    rate, found = model.sample_rate, {}
    sides = open_voices(data, model.domains, rate, "test")
    judge = get_extractor("spoken_digits_judge" if rate == 8_000 else "four_voices_judge")
    for wanted, direction in ((1, "forward"), (0, "backward")):
        voice = sides[wanted]
        values = judge.values(spectrogram_images(excerpts(voice.samples, rate), rate))
        number = judge.attributes["speaker"].index(model.domains[wanted])
        found[f"voice_recognized_{direction}"] = float(
            (values[:, list(judge.attributes).index("speaker")] == number).mean()
        )
        if "digit" in voice.labels:
            cepstra = [analyze(sound, rate, aperiodicity=False).cepstra[:, 1:] for sound in voice.samples]
            words = voice.labels["digit"]
            found[f"mel_cepstral_distortion_{direction}"] = float(
                np.mean(
                    [
                        aligned_distortion(cepstra[i], cepstra[j])
                        for i in range(len(words))
                        for j in range(len(words))
                        if i != j and words[i] == words[j]
                    ]
                )
            )
    return dict(sorted(found.items()))


if __name__ == "__main__":
    main()
