"""Learns from a video and keeps what was learned: tttseg in an application.

    python3 embed.py learned.safetensors film.mp4

Without a film there is a test picture. A third argument names a model file.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst


def make(name, **properties):
    element = Gst.ElementFactory.make(name, None)
    if element is None:
        sys.exit(f"embed: there is no element {name}; GST_PLUGIN_PATH names folders of plugins")
    for key, value in properties.items():
        element.set_property(key.replace("_", "-"), value)
    return element


def watch(bus):
    """Prints a line per frame; returns an error, or None at the end of the video."""
    kinds = Gst.MessageType.ELEMENT | Gst.MessageType.WARNING | Gst.MessageType.ERROR | Gst.MessageType.EOS
    while True:
        message = bus.timed_pop_filtered(Gst.CLOCK_TIME_NONE, kinds)
        if message.type == Gst.MessageType.EOS:
            return None
        if message.type == Gst.MessageType.ERROR:
            error, debug = message.parse_error()
            return f"{error.message} ({debug})"
        if message.type == Gst.MessageType.WARNING:
            warning, _ = message.parse_warning()
            print(f"embed: {warning.message}", file=sys.stderr)
            continue
        report = message.get_structure()
        # Other elements post messages as well.
        if report.get_name() == "tttseg":
            loss = report.get_value("loss")
            loss = "none" if loss is None else f"{loss:.4f}"
            print(f"frame {report.get_value('frame')}: loss {loss}, {report.get_value('rung')}")


def embed(state, film=None, model=None):
    source = make("filesrc", location=film) if film else make("videotestsrc", num_buffers=20)
    tttseg = make("tttseg", model_file=model)
    pipeline = Gst.Pipeline.new(None)
    elements = [source, tttseg, make("fakesink")]
    for element in elements:
        pipeline.add(element)
    for element, following in zip(elements, elements[1:]):
        if not element.link(following):
            return f"{element.name} and {following.name} do not fit together"

    try:
        # Why it fails is on the bus.
        pipeline.set_state(Gst.State.PLAYING)
        error = watch(pipeline.get_bus())
        if error:
            return error
        stats = tttseg.get_property("stats")
        print(f"learned from {stats.get_value('frames-learned')} of {stats.get_value('frames')} frames")
        # Below READY there is nothing left to save.
        return None if tttseg.emit("save-state", state) else f"{state} could not be written"
    finally:
        pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        sys.exit("usage: embed.py STATE [FILM [MODEL]]")
    Gst.init(None)
    error = embed(*sys.argv[1:])
    if error:
        sys.exit(f"embed: {error}")
