#!/bin/sh
# Plays a video file beside itself with the classes painted over it: FILE
exec gst-launch-1.0 filesrc location="$1" ! decodebin3 ! videoconvert ! videoscale \
    ! video/x-raw,width=640,height=360 ! tee name=both \
    both. ! queue ! compositor name=pair sink_1::xpos=640 ! videoconvert ! autovideosink \
    both. ! queue ! tttseg window=16 pace=every-frame ! pair.
