"""The page that compares families of models: its table, and the conclusions that it draws from the numbers."""

from docs import families


def test_the_table_is_that_of_the_numbers():
    text = families.PAGE.read_text("utf-8")
    assert families.current(text) == text, "run python -m docs.families"


def test_the_conclusions_hold():
    numbers = families.numbers()
    for data in ("mnist", "fashion_mnist"):
        gan, pixelcnn = (numbers[data][f"{family}.{data}"] for family in ("dcgan", "pixelcnn"))
        others = [found for name, found in numbers[data].items() if found and not name.startswith("pixelcnn")]
        speeds = [found["samples_per_second"] for found in others]
        assert min(speeds) > 100 * pixelcnn["samples_per_second"]
        for key in ("frechet_distance", "classifier_frechet_distance"):
            rivals = [found for found in numbers[data].values() if found and found is not gan]
            assert all(1.3 * gan[key] < found[key] for found in rivals)
    digits = numbers["mnist"]
    assert digits["pixelcnn.mnist"]["negative_log_likelihood"] < digits["vae.mnist"]["negative_log_likelihood"]
    assert digits["vae.mnist"]["sharpness_ratio"] < 0.7 < digits["dcgan.mnist"]["sharpness_ratio"]
    clothes = numbers["fashion_mnist"]
    ratio = clothes["dcgan.fashion_mnist"]["sharpness_ratio"] / clothes["pixelcnn.fashion_mnist"]["sharpness_ratio"]
    assert 0.9 < ratio < 1.1
    assert 0.2 < clothes["vae.fashion_mnist"]["sharpness_ratio"] < 0.3
