#!/bin/sh
# Plays a video file beside itself with the classes painted over it: FILE
exec gst-launch-1.0 filesrc location="$1" ! tttseg output=side-by-side window=16 pace=every-frame \
    ! autovideosink
