#!/bin/sh
# Shows a camera live; frames that come too fast to be shown are left out before they cost anything: DEVICE
exec gst-launch-1.0 v4l2src device="$1" ! queue leaky=downstream max-size-buffers=1 \
    ! tttseg window=16 ! autovideosink
