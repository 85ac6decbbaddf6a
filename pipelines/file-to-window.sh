#!/bin/sh
# Plays a video file with the classes painted over it; learns from every frame it has time for: FILE
exec gst-launch-1.0 filesrc location="$1" ! tttseg window=16 ! autovideosink
