"""Reads the class of every pixel in an application: how much of each frame the classes cover.

    python3 classes.py film.mp4

A second argument names a model file. `tttseg info` prints the names of the numbers.
"""

import sys
from collections import Counter

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

NO_CLASS = 255


def shares(sample):
    """Classes of a map with the share of the frame that each covers, largest first."""
    shape = sample.get_caps().get_structure(0)
    width, height = shape.get_value("width"), shape.get_value("height")
    buffer = sample.get_buffer()
    data = buffer.extract_dup(0, buffer.get_size())
    # Rows may be longer in memory than the picture is wide.
    stride = len(data) // height
    counts = Counter()
    for row in range(height):
        counts.update(data[row * stride : row * stride + width])
    return [(number, count / (width * height)) for number, count in counts.most_common()]


def covered(film, model=None):
    """Yields the shares of every frame until the video ends."""
    pipeline = Gst.parse_launch(
        "filesrc name=film ! tttseg name=classes output=class-map pace=every-frame"
        " ! video/x-raw,format=GRAY8 ! appsink name=maps sync=false max-buffers=4"
    )
    pipeline.get_by_name("film").set_property("location", film)
    pipeline.get_by_name("classes").set_property("model-file", model)
    maps = pipeline.get_by_name("maps")
    bus = pipeline.get_bus()
    pipeline.set_state(Gst.State.PLAYING)
    try:
        while True:
            sample = maps.emit("try-pull-sample", Gst.SECOND // 10)
            if sample:
                yield shares(sample)
            elif failed := bus.pop_filtered(Gst.MessageType.ERROR):
                raise RuntimeError(failed.parse_error()[0].message)
            elif maps.get_property("eos"):
                return
    finally:
        pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: classes.py FILM [MODEL]")
    Gst.init(None)
    try:
        for frame, classes in enumerate(covered(*sys.argv[1:]), 1):
            name = lambda number: "none" if number == NO_CLASS else f"class {number}"
            text = ", ".join(f"{name(number)}: {share:.1%}" for number, share in classes)
            print(f"frame {frame}: {text}")
    except RuntimeError as error:
        sys.exit(f"classes: {error}")
