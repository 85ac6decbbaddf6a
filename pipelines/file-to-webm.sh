#!/bin/sh
# Paints the classes over a video file, learning from every frame, however long it takes: FILE OUT.webm
exec gst-launch-1.0 filesrc location="$1" ! tttseg window=16 pace=every-frame \
    ! vp8enc deadline=1 cpu-used=4 target-bitrate=4000000 ! webmmux ! filesink location="$2"
