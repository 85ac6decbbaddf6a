#!/bin/sh
# Shows what a camera, or a capture card with an old tape, sees in colours of the network's: DEVICE
exec gst-launch-1.0 v4l2src device="$1" ! queue leaky=downstream max-size-buffers=1 \
    ! tttseg task=colorize saturation=1.2 ! autovideosink
