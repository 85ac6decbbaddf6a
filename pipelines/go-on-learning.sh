#!/bin/sh
# Goes on from what was learned from earlier films, and keeps what this one adds; shows nothing: FILE STATE.safetensors
exec gst-launch-1.0 filesrc location="$1" ! tttseg load-state="$2" save-state="$2" pace=every-frame ! fakesink
