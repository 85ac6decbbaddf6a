#!/bin/sh
# Colours a sequence of PNG files, as scanners write them; the pattern is like scan/%05d.png: PATTERN FOLDER
exec gst-launch-1.0 multifilesrc location="$1" caps=image/png,framerate=24/1 ! pngdec \
    ! tttseg task=colorize pace=every-frame ! video/x-raw,format=RGB ! pngenc ! multifilesink location="$2/%05d.png"
