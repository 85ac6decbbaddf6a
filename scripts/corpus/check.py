"""One case of scripts/corpus.sh: what became of a film, by ffmpeg's reading of both files, as a line of JSON.

check.py NAME exact|lossy FILM OUT EXIT_CODE LOG
"""

import array
import json
import math
import os
import re
import subprocess
import sys
from fractions import Fraction

# Decoders of one lossy format may differ, encoders of ProRes and H.264 lose; decibels.
SAME_FORMAT, ENCODED, FROM_RGB = 40.0, 34.0, 40.0
# Matroska counts in milliseconds, and so may the film's container.
NEAR_S = 0.0011
SOUND_NEAR_S = 0.08
SAID = {"color_space": "matrix", "color_primaries": "primaries", "color_transfer": "transfer"}
KR_KB = {"bt709": (0.2126, 0.0722), "bt2020nc": (0.2627, 0.0593)}
LOSSLESS = re.compile(r"pcm_|flac|alac|wavpack")


def bytes_of(*command):
    return subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout


def probe(path):
    """Streams, and the frames of the first video."""
    told = ["ffprobe", "-v", "error", "-of", "json"]
    streams = json.loads(bytes_of(*told, "-show_streams", path))["streams"]
    frames = json.loads(bytes_of(*told, "-select_streams", "v:0", "-show_frames", path))["frames"]
    return streams, [frame for frame in frames if frame.get("media_type") == "video"]


class Video:
    """Luma, times and what is said of them."""

    def __init__(self, path):
        streams, frames = probe(path)
        self.about = next(s for s in streams if s["codec_type"] == "video")
        self.sounds = [s for s in streams if s["codec_type"] == "audio"]
        if path.endswith(".mov"):
            self.read_colr(path)
        first = frames[0] if frames else {}
        fmt = self.about["pix_fmt"]
        self.is_rgb = bool(re.match(r"(gbr|rgb|bgr|0rgb|0bgr|x2|argb|abgr|pal8)", fmt))
        planar_rgb = re.match(r"gbrp(\d+)", fmt)
        depth = planar_rgb or re.search(r"(?:p|gray)(\d+)[lb]e$", fmt)
        self.depth = int(depth.group(1)) if depth else 8
        self.is_full = self.is_rgb or fmt.startswith("yuvj") or self.about.get("color_range") == "pc"
        raw = fmt.replace("be", "le") if self.depth > 8 else fmt
        if self.is_rgb:
            raw = raw if planar_rgb else "gbrp"
        data = bytes_of(
            "ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough",
            "-f", "rawvideo", "-pix_fmt", raw, "-",
        )
        self.times = [float(f["best_effort_timestamp_time"]) for f in frames if "best_effort_timestamp_time" in f]
        self.count = len(frames)
        self.size = first.get("width", self.about["width"]), first.get("height", self.about["height"])
        matrix = next((float(d.get("rotation", 0)) for d in self.about.get("side_data_list", []) if "rotation" in d), 0)
        if matrix % 180 == 90:
            self.size = self.size[::-1]
        width, height = self.size
        length = len(data) // max(self.count, 1)
        self.planes = []
        for at in range(0, length * self.count, max(length, 1)):
            frame = data[at : at + length]
            samples = array.array("H" if self.depth > 8 else "B")
            samples.frombytes(frame)
            if fmt == "uyvy422":
                samples = samples[1::2]
            elif fmt == "yuyv422":
                samples = samples[0::2]
            area = width * height
            if self.is_rgb:
                self.planes.append(tuple(samples[n * area : (n + 1) * area] for n in range(3)))
            else:
                self.planes.append(samples[:area])
        order = self.about.get("field_order", "unknown")
        # What decoders find goes before what the container says: players of QuickTime files differ on its numbers.
        if first.get("interlaced_frame"):
            self.fields = "tt" if first.get("top_field_first") else "bb"
        else:
            self.fields = "progressive" if order == "unknown" else order
        sar = self.about.get("sample_aspect_ratio", "1:1").split(":")
        sar = Fraction(int(sar[0]) or 1, int(sar[1]) or 1)
        self.sar = 1 / sar if matrix % 180 == 90 else sar

    def read_colr(self, path):
        """What QuickTime says of colours: ffprobe shows what ProRes' frames say in its place, also where that is nothing."""
        names = (
            ("color_primaries", {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020"}),
            ("color_transfer", {1: "bt709", 6: "smpte170m", 16: "smpte2084", 18: "arib-std-b67"}),
            ("color_space", {1: "bt709", 6: "smpte170m", 9: "bt2020nc"}),
        )
        with open(path, "rb") as file:
            data = file.read()
        at = data.find(b"colrncl")
        for number, (key, values) in enumerate(names):
            place = at + 8 + 2 * number
            if at >= 0 and self.about.get(key, "unknown") == "unknown":
                self.about[key] = values.get(int.from_bytes(data[place : place + 2], "big"), "unknown")


def expected(film, out, frame):
    """The film's luma as OUT should have it, of OUT's size, and whether it is exact."""
    peak_in, peak_out = (1 << film.depth) - 1, (1 << out.depth) - 1
    unit = 1 << (out.depth - 8)
    limited = (16 * unit, 219 * unit)
    width, height = film.size
    if film.is_rgb:
        kr, kb = KR_KB.get(out.about.get("color_space"), (0.299, 0.114))
        g, b, r = frame
        offset, scale = (0, peak_out) if out.is_full else limited
        luma = [offset + (kr * x + (1 - kr - kb) * y + kb * z) / peak_in * scale for x, y, z in zip(r, g, b)]
        exact = False
    elif film.is_full == out.is_full:
        left, right = max(out.depth - film.depth, 0), max(film.depth - out.depth, 0)
        luma, exact = [y << left >> right for y in frame], True
    else:
        offset, scale = limited
        luma, exact = [offset + y / peak_in * scale for y in frame], False
    if (width, height) != out.size:
        luma = [y for row in range(out.size[1]) for y in luma[row * width : row * width + out.size[0]]]
    return luma, exact


def psnr(a, b, depth):
    step = max(len(a) // 50000, 1)
    a, b = a[::step], b[::step]
    error = sum((x - y) * (x - y) for x, y in zip(a, b)) / max(len(a), 1)
    return 99.0 if error == 0 else 10 * math.log10(((1 << depth) - 1) ** 2 / error)


def check_luma(film, out, is_exact, is_ffv1, wrong, notes):
    if film.size != out.size:
        smaller = [a - b for a, b in zip(film.size, out.size)]
        if is_ffv1 or not all(n in (0, 1) for n in smaller):
            wrong.append(f"frames of {out.size} in place of {film.size}")
            return
        notes.append("the last odd column or row goes")
    wanted = [expected(film, out, frame) for frame in film.planes[: out.count]]
    if any(len(luma) != len(frame) for (luma, _), frame in zip(wanted, out.planes)):
        wrong.append("planes of another size")
        return
    if is_ffv1 and all(exact for _, exact in wanted):
        if all(list(frame) == luma for (luma, _), frame in zip(wanted, out.planes)):
            return
        if is_exact:
            wrong.append("luma is not the film's")
            return
    bound = ENCODED if not is_ffv1 else FROM_RGB if film.is_rgb else SAME_FORMAT
    worst = min(psnr(luma, frame, out.depth) for (luma, _), frame in zip(wanted, out.planes))
    if worst < bound:
        wrong.append(f"luma differs, {worst:.1f} dB")
    for number, frame in enumerate(out.planes):
        near = [n for n in (number - 1, number, number + 1) if 0 <= n < len(wanted)]
        if max(near, key=lambda n: psnr(wanted[n][0], frame, out.depth)) != number:
            wrong.append(f"frame {number} is not the film's frame {number}")
            break


def check_tags(film, out, wrong):
    for key, name in SAID.items():
        was, now = film.about.get(key, "unknown"), out.about.get(key, "unknown")
        # Two names of one matrix.
        pair = [value.replace("bt470bg", "smpte170m") if name == "matrix" else value for value in (was, now)]
        if was not in ("unknown", "reserved", "gbr") and pair[0] != pair[1]:
            wrong.append(f"{name} {now} in place of {was}")
    if film.fields != out.fields:
        wrong.append(f"fields {out.fields} in place of {film.fields}")
    if abs(out.sar / film.sar - 1) > 0.005:
        wrong.append(f"samples of {out.sar} in place of {film.sar}")


def samples_of(path, number, channels):
    data = bytes_of("ffmpeg", "-v", "error", "-i", path, "-map", f"0:a:{number}", "-f", "f64le", "-c:a", "pcm_f64le", "-")
    samples = array.array("d")
    samples.frombytes(data)
    return [samples[c::channels] for c in range(channels)]


def tone(samples, rate):
    """Level, and crossings of zero in a second, in the middle of a channel."""
    middle = samples[len(samples) // 4 : len(samples) * 3 // 4]
    if not middle:
        return 0.0, 0.0
    level = math.sqrt(sum(x * x for x in middle) / len(middle))
    crossings = sum((a < 0) != (b < 0) for a, b in zip(middle, middle[1:]))
    return level, crossings * rate / len(middle)


def check_sound(film, out, paths, wrong, notes):
    if len(film.sounds) != len(out.sounds):
        wrong.append(f"{len(out.sounds)} tracks of sound in place of {len(film.sounds)}")
        return
    for number, (was, now) in enumerate(zip(film.sounds, out.sounds)):
        track = f"track {number + 1}" if len(film.sounds) > 1 else "sound"
        if was["channels"] != now["channels"]:
            wrong.append(f"{track}: {now['channels']} channels in place of {was['channels']}")
            continue
        rates = int(was["sample_rate"]), int(now["sample_rate"])
        before, after = (samples_of(p, number, was["channels"]) for p in paths)
        if LOSSLESS.match(was["codec_name"]) and LOSSLESS.match(now["codec_name"]):
            floats = "f32" in was["codec_name"] and "f32" not in now["codec_name"]
            same = before == after if not floats else (
                len(before[0]) == len(after[0])
                and all(abs(x - y) < 2**-24 for a, b in zip(before, after) for x, y in zip(a, b)))
            if rates[0] != rates[1]:
                wrong.append(f"{track}: {rates[1]} Hz in place of {rates[0]}")
            elif not same:
                wrong.append(f"{track}: {len(after[0])} samples of {len(before[0])}, or others")
        else:
            lengths = len(before[0]) / rates[0], len(after[0]) / rates[1]
            if abs(lengths[0] - lengths[1]) > SOUND_NEAR_S:
                wrong.append(f"{track}: {lengths[1]:.3f} s in place of {lengths[0]:.3f} s")
            for channel, (a, b) in enumerate(zip(before, after)):
                (level_a, hz_a), (level_b, hz_b) = tone(a, rates[0]), tone(b, rates[1])
                if level_b < 0.7 * level_a or level_b > 1.4 * level_a or abs(hz_a - hz_b) > 0.06 * hz_a + 10:
                    wrong.append(f"{track}: channel {channel + 1} sounds another way")
                    break
        if was["codec_name"] != now["codec_name"]:
            notes.append(f"{was['codec_name']} becomes {now['codec_name']}")
        starts = [float(s.get("start_time", 0)) - v for s, v in ((was, film.times[0]), (now, out.times[0]))]
        if abs(starts[0] - starts[1]) > SOUND_NEAR_S:
            wrong.append(f"{track}: begins {starts[1] - starts[0]:+.3f} s from where it began")


def compare(paths, is_exact, notes):
    """What is wrong in OUT."""
    wrong = []
    film, out = (Video(path) for path in paths)
    if film.count != out.count or len(out.planes) != out.count:
        wrong.append(f"{out.count} of {film.count} frames")
        return wrong
    offsets = [(b - out.times[0]) - (a - film.times[0]) for a, b in zip(film.times, out.times)]
    if len(offsets) != film.count or max(map(abs, offsets)) > NEAR_S:
        wrong.append(f"times differ by {max(map(abs, offsets), default=0) * 1000:.1f} ms")
    is_ffv1 = paths[1].endswith(".mkv")
    check_luma(film, out, is_exact, is_ffv1, wrong, notes)
    check_tags(film, out, wrong)
    check_sound(film, out, paths, wrong, notes)
    return wrong


def judge(is_exact, film, out, code, log):
    """Verdict, what is wrong, what the program said."""
    notes = []
    with open(log, encoding="utf-8", errors="replace") as file:
        said = [line.strip() for line in file if line.strip()]
    said = [line for line in said if not line.startswith("wrote ")]
    short = [line.replace(film, "FILM").replace(out, "OUT") for line in said]
    if code in (124, 137):
        return "HANG", ["nothing after two minutes"], short
    if code > 128 or any("panicked at" in line for line in said):
        return "CRASH", [f"exit code {code}"], short
    if code == 1:
        if not said or os.path.exists(out):
            return "WRONG", ["exit code 1 without a reason, or with a file"], short
        return "refused", [], short
    if code not in (0, 3):
        return "WRONG", [f"exit code {code}"], short
    try:
        wrong = compare((film, out), is_exact, notes)
    except subprocess.CalledProcessError as error:
        wrong = [f"{error.cmd[0]} cannot read {error.cmd[-1]}: {error.stderr.decode(errors='replace').strip()[-200:]}"]
    if code == 3:
        return "incomplete" if said else "WRONG", wrong, short
    return "WRONG" if wrong else "done", wrong, short + notes


def main():
    name, exact, film, out, code, log = sys.argv[1:]
    verdict, wrong, said = judge(exact == "exact", film, out, int(code), log)
    case = {"format": name, "container": out.rsplit(".", 1)[1], "verdict": verdict, "differs": wrong, "said": said}
    print(json.dumps(case))


if __name__ == "__main__":
    main()
