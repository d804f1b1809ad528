"""Speed of the source of avatars, rendered first and read from the cache: python benchmarks/avatar_source.py [COUNT]"""

import os
import sys
import tempfile
import time

from ganzoo.data import avatars

_SIZES = (64, 128, 256)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GANZOO_CACHE"] = folder
        for size in _SIZES:
            seconds = []
            for _ in ("rendered", "cached"):
                began = time.perf_counter()
                avatars.open_images(str(count), (size, size, 3))
                seconds.append(time.perf_counter() - began)
            first, again = (count / taken for taken in seconds)
            print(f"{size}x{size}: {first:,.0f} images/s rendered, {again:,.0f} images/s from the cache", flush=True)
        began = time.perf_counter()
        avatars.captions_of(str(count))
        print(f"captions of {count / (time.perf_counter() - began):,.0f} images/s")


if __name__ == "__main__":
    main()
