#!/usr/bin/env bash
# Packs what scripts/plugin.sh has built (debug or release) as a Debian package for the system it was built on, into
# target/deb. Called by `make deb`. Needs dpkg-dev, which build-essential brings along.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:?debug or release}
target=${CARGO_TARGET_DIR:-$PWD/target}
name=gstreamer1.0-tttseg
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture)
plugins=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/gstreamer-1.0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree
doc=$tree/usr/share/doc/$name
mkdir -p "$tree/DEBIAN" "$tree/$plugins" "$tree/usr/bin" "$tree/usr/share/tttseg" "$doc/examples"

install -m 644 "$target/gst/$profile/libgsttttseg.so" "$tree/$plugins/"
install -m 755 "$target/$profile/tttseg" "$tree/usr/bin/"
strip --strip-unneeded "$tree/$plugins/libgsttttseg.so" "$tree/usr/bin/tttseg"
install -m 755 scripts/fetch-runtime.sh "$tree/usr/bin/tttseg-fetch-runtime"
install -m 644 scripts/wheel.sh "$tree/usr/share/tttseg/"
install -m 644 LICENSE-MIT LICENSE-APACHE "$tree/usr/share/tttseg/"
install -m 644 README.md models/street-nano.md "$doc/"
# As in the sources, so that links between them hold.
mkdir "$doc/docs" "$doc/docs/farm"
install -m 644 docs/*.md "$doc/docs/"
install -m 644 docs/farm/* "$doc/docs/farm/"
install -m 644 gst-plugin/examples/*.{py,c} pipelines/*.sh "$doc/examples/"
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
cat >"$doc/copyright" <<TEXT
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: tttseg
Source: $(sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml | head -n1)

Files: *
Copyright: the tttseg authors
License: MIT or Apache-2.0
 The texts are in /usr/share/tttseg/LICENSE-MIT and /usr/share/tttseg/LICENSE-APACHE.

Files: the weights inside /$plugins/libgsttttseg.so and /usr/bin/tttseg
Copyright: the tttseg authors
License: for-research
 Trained on data for research use. Terms and training data are in street-nano.md beside this file.
TEXT

# What the two need of the system's libraries, from what they are linked with.
mkdir "$scratch/debian"
printf 'Source: tttseg\n\nPackage: %s\nArchitecture: any\n' "$name" >"$scratch/debian/control"
shared=$(cd "$scratch" && dpkg-shlibdeps -O "tree/$plugins/libgsttttseg.so" tree/usr/bin/tttseg)
shared=${shared#shlibs:Depends=}

cat >"$tree/DEBIAN/control" <<TEXT
Package: $name
Version: $version
Architecture: $architecture
Maintainer: The tttseg authors <tttseg@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$tree" | cut -f1)
Depends: $shared, gstreamer1.0-plugins-base (>= 1.22)
Recommends: gstreamer1.0-tools, gstreamer1.0-plugins-good, gstreamer1.0-libav, python3-pip
Suggests: gstreamer1.0-plugins-bad, gstreamer1.0-plugins-ugly
Section: video
Priority: optional
Homepage: $(sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml | head -n1)
Description: GStreamer elements that keep learning from the video they segment
 The elements tttseg and tttsegfilter take a gradient step on filling in hidden
 parts of recent frames between two frames, and segment the current one with
 the weights they have just updated. The program tttseg takes whole films through
 them, and trains, measures and inspects models.
 .
 ONNX Runtime (1.22 or newer), which they compute with, is loaded when an
 element starts and is not part of Debian 12: run tttseg-fetch-runtime as root
 after the installation, or name a library of your own in ORT_DYLIB_PATH.
TEXT
(cd "$tree" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
find "$tree" -type d -exec chmod 755 {} +

mkdir -p "$target/deb"
package=$target/deb/${name}_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$tree" "$scratch/package.deb" >/dev/null
mv "$scratch/package.deb" "$package"
echo "$package"
