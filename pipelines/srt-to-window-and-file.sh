#!/bin/sh
# Shows a stream that comes over SRT, and records it with the classes painted over: URI OUT.mkv
exec gst-launch-1.0 -e srtsrc uri="$1" ! tttseg ! tee name=both \
    both. ! queue ! autovideosink \
    both. ! queue ! videoconvert ! video/x-raw,format=I420 ! x264enc tune=zerolatency ! h264parse ! matroskamux \
    ! filesink location="$2"
