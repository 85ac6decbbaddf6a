#!/bin/sh
# The same as an MP4 file with H.264 video: FILE OUT.mp4
exec gst-launch-1.0 filesrc location="$1" ! tttseg window=16 pace=every-frame \
    ! video/x-raw,format=I420 ! x264enc ! h264parse ! mp4mux ! filesink location="$2"
