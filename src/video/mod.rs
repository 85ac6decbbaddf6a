//! Frames, colour, resizing, overlay, palettes: plain arrays, no GStreamer.
