"""Reads class maps off frames: tttseg output=metadata in an application.

    python3 metadata.py film.mp4

Prints which share of each frame every class has. Without a film there is a test picture. A second argument names a model
file.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst


def shares(frame):
    """Percent of a frame for each class that it has, as text."""
    structure = frame.get_custom_meta("GstTttSegMeta").get_structure()
    names = structure.get_value("classes")
    map = structure.get_value("map")
    # Classes lie row by row: `width` of them in each of `height` rows. 255 is no class.
    classes = map.extract_dup(0, map.get_size())
    counts = [(name, classes.count(id)) for id, name in enumerate(names)]
    return ", ".join(f"{name} {100 * count // len(classes)} %" for name, count in counts if count)


def metadata(film=None, model=None):
    source = f'filesrc location="{film}"' if film else "videotestsrc num-buffers=20"
    model = f'model-file="{model}"' if model else ""
    pipeline = Gst.parse_launch(
        f"{source} ! tttseg output=metadata pace=every-frame {model} ! fakesink name=sink"
    )
    lines = []

    def on_buffer(pad, info):
        lines.append(shares(info.get_buffer()))
        return Gst.PadProbeReturn.OK

    pad = pipeline.get_by_name("sink").get_static_pad("sink")
    pad.add_probe(Gst.PadProbeType.BUFFER, on_buffer)

    # Why it fails is on the bus.
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(
        Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR
    )
    pipeline.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        error, debug = message.parse_error()
        return f"{error.message} ({debug})"
    for n, line in enumerate(lines, 1):
        print(f"frame {n}: {line}")
    return None


if __name__ == "__main__":
    Gst.init(None)
    error = metadata(*sys.argv[1:3])
    if error:
        sys.exit(f"metadata: {error}")
