#!/bin/sh
# Prints the loss and more for every frame of a video file, and shows nothing: FILE
exec gst-launch-1.0 -m filesrc location="$1" ! tttseg window=16 pace=every-frame ! fakesink
