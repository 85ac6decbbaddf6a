#!/bin/sh
# Colours a black-and-white film, learning from every frame, and writes H.264 video: FILE OUT.mp4
exec gst-launch-1.0 filesrc location="$1" ! tttseg task=colorize pace=every-frame \
    ! video/x-raw,format=I420 ! x264enc ! h264parse ! mp4mux ! filesink location="$2"
