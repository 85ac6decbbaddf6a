#!/bin/sh
# Plays a black-and-white film in colours; learns from every frame it has time for: FILE
exec gst-launch-1.0 filesrc location="$1" ! tttseg task=colorize ! autovideosink
