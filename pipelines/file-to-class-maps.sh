#!/bin/sh
# Writes the class of every pixel as grey PNG files, one per frame; 255 is no class: FILE FOLDER
exec gst-launch-1.0 filesrc location="$1" ! tttseg output=class-map pace=every-frame \
    ! video/x-raw,format=GRAY8 ! pngenc ! multifilesink location="$2/%05d.png"
