#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the clips that tests read, with the ffmpeg program.

    make-clips.py FOLDER [NAME…]      all of CLIPS, or those named

Every picture carries its number, so that a test can tell which frame it was given: the upper half is 16 columns, white for 1
and black for 0, the highest bit at the left; the lower half is red, green and blue from left to right. frame-number.h reads
them. Clips are 320×180 at 25 frames a second and 4 s long unless their name says otherwise, with a tone that beeps for 40 ms at
each full second.
"""
import pathlib
import struct
import subprocess
import sys
import zlib

WIDTH, HEIGHT, RATE, FRAMES = 320, 180, 25, 100
RED, GREEN, BLUE = bytes((200, 40, 40)), bytes((40, 180, 60)), bytes((40, 60, 200))
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p"]
BT601 = ["-vf", "scale=out_color_matrix=bt601:out_range={range},format=yuv444p", "-colorspace", "smpte170m", "-color_primaries",
         "smpte170m", "-color_trc", "smpte170m"]
BT709 = ["-vf", "scale=out_color_matrix=bt709:out_range={range},format=yuv444p", "-colorspace", "bt709", "-color_primaries", "bt709",
         "-color_trc", "bt709"]
LOSSLESS = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-g", "25"]


def colours(options, range_name):
    return [word.format(range=range_name) for word in options] + ["-color_range", range_name] + LOSSLESS


# name → options between the inputs and the output
CLIPS = {
    "plain.mp4": H264 + ["-c:a", "aac"],
    "plain.mkv": H264 + ["-c:a", "libopus"],
    "plain.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-c:a", "libopus"],
    "plain.avi": ["-c:v", "mpeg4", "-q:v", "3", "-g", "25", "-c:a", "mp2"],
    "plain.ts": ["-c:v", "mpeg2video", "-q:v", "3", "-g", "25", "-bf", "2", "-c:a", "mp2"],
    "hevc.mp4": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=50", "-pix_fmt", "yuv420p", "-an"],
    "mjpeg.mov": ["-c:v", "mjpeg", "-q:v", "3", "-an"],
    "long-gop.mp4": ["-c:v", "libx264", "-preset", "ultrafast", "-g", "250", "-bf", "3", "-an"],
    "anamorphic.mp4": ["-vf", "setsar=4/3"] + H264 + ["-an"],
    "odd.mkv": ["-vf", "scale=321:181", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", "-an"],
    "ten-bit.mp4": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le", "-an"],
    "hdr.mp4": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc", "-pix_fmt", "yuv420p10le", "-an"],
    "interlaced.ts": ["-vf", "setfield=tff", "-c:v", "mpeg2video", "-q:v", "3", "-flags", "+ildct+ilme", "-top", "1", "-an"],
    "variable.mp4": ["-vf", r"select='not(between(mod(n\,20)\,5\,14))'", "-vsync", "vfr"] + H264 + ["-an"],
    "bt601-limited.mp4": colours(BT601, "tv") + ["-an"],
    "bt601-full.mp4": colours(BT601, "pc") + ["-an"],
    "bt709-limited.mp4": colours(BT709, "tv") + ["-an"],
    "bt709-full.mp4": colours(BT709, "pc") + ["-an"],
    "late-start.mkv": ["-vf", "setpts=PTS+100/TB", "-avoid_negative_ts", "0"] + H264 + ["-an"],
    "no-duration.mkv": H264 + ["-live", "1", "-an"],
    "sound-only.m4a": ["-vn", "-c:a", "aac"],
}
# Made from another clip: name → (source, how)
DERIVED = {
    "rotated-90.mp4": ("plain.mp4", 90),
    "rotated-180.mp4": ("plain.mp4", 180),
    "rotated-270.mp4": ("plain.mp4", 270),
    "truncated.mkv": ("plain.mkv", 0.5),
    "truncated.mp4": ("plain.mp4", 0.5),
    "empty.mp4": ("plain.mp4", 0.0),
    "size-change.ts": ("plain.ts", "size"),
    "picture.png": ("plain.mp4", "picture"),
    "picture.jpg": ("plain.mp4", "picture"),
    "picture.webp": ("plain.mp4", "picture"),
    "tiny.png": ("plain.mp4", "tiny"),
    "huge.png": ("plain.mp4", "huge"),
    "100%d.png": ("picture.png", 1.0),
    **{f"turned-{number}.jpg": ("picture.jpg", ("exif", number)) for number in range(2, 9)},
    "text.mp4": ("plain.mp4", "text"),
    "tone.flac": ("plain.mp4", "tone"),
    "tracks.mkv": ("plain.mkv", "tracks"),
    "pictures.sup": ("plain.mp4", "letters"),
}


SUBTITLES = """1
00:00:01,000 --> 00:00:02,000
<i>Slanted</i> & "plain"
second line

2
00:00:01,500 --> 00:00:02,500
at the same time

3
00:00:03,000 --> 00:00:03,500
{\\an8}last
"""
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=Opening
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=3000
title=Middle
[CHAPTER]
TIMEBASE=1/1000
START=3000
END=4000
"""


def picture(number):
    top = b"".join((b"\xff" if number >> (15 - column) & 1 else b"\0") * (3 * WIDTH // 16) for column in range(16))
    bottom = RED * (WIDTH // 3) + GREEN * (WIDTH // 3) + BLUE * (WIDTH - 2 * (WIDTH // 3))
    return top * (HEIGHT // 2) + bottom * (HEIGHT - HEIGHT // 2)


def huge_png(side):
    """A correct picture of side × side black pixels, one bit each."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress(bytes((side // 8 + 1) * side), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def letters():
    """Subtitles as discs have them (PGS): from 1 s to 2 s a red field of 4 × 2 pixels at (80, 160) of a picture of 320 × 180."""
    def segment(milliseconds, kind, content):
        return struct.pack(">2sIIBH", b"PG", milliseconds * 90, 0, kind, len(content)) + content

    def composition(number, state, objects):
        return struct.pack(">HHBHBBBB", WIDTH, HEIGHT, 0x10, number, state, 0, 0, len(objects)) + b"".join(objects)

    window = struct.pack(">BBHHHH", 1, 0, 80, 160, 4, 2)
    palette = bytes((0, 0)) + bytes((1, 81, 240, 90, 255))  # entry 1: red in BT.601
    lines = (b"\1" * 4 + b"\0\0") * 2  # four pixels of colour 1 and the end of the line
    thing = struct.pack(">HBB", 0, 0, 0xC0) + (len(lines) + 4).to_bytes(3, "big") + struct.pack(">HH", 4, 2) + lines
    shown = composition(0, 0x80, [struct.pack(">HBBHH", 0, 0, 0, 80, 160)])
    return b"".join(segment(*part) for part in (
        (1000, 0x16, shown), (1000, 0x17, window), (1000, 0x14, palette), (1000, 0x15, thing), (1000, 0x80, b""),
        (2000, 0x16, composition(1, 0, [])), (2000, 0x17, window), (2000, 0x80, b"")))


def ffmpeg(*words, **options):
    done = subprocess.run(["ffmpeg", "-v", "error", "-y", *[str(word) for word in words]], capture_output=True, check=False, **options)
    if done.returncode:
        sys.exit(f"make-clips: ffmpeg {' '.join(map(str, words))}: {done.stderr.decode(errors='replace').strip()}")


def make(folder, name, pictures):
    out = folder / name
    if out.exists():
        return
    if name in CLIPS:
        ffmpeg("-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", RATE, "-i", "-", "-f", "lavfi",
               "-i", f"aevalsrc=0.5*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.04):s=48000:d={FRAMES / RATE}", "-map", "0:v", "-map", "1:a",
               "-sws_flags", "accurate_rnd+full_chroma_int+full_chroma_inp", *CLIPS[name], out, input=pictures())
        return
    source, how = DERIVED[name]
    make(folder, source, pictures)
    source = folder / source
    if how in (90, 180, 270):
        # The tag says how far the picture is turned counter-clockwise for display.
        ffmpeg("-i", source, "-c", "copy", "-metadata:s:v:0", f"rotate={360 - how}", out)
    elif isinstance(how, float):
        content = source.read_bytes()
        out.write_bytes(content[:int(len(content) * how)])
    elif how == "size":
        other = folder / "size-change-part.ts"
        ffmpeg("-i", source, "-vf", "scale=160:120,setsar=1", "-c:v", "mpeg2video", "-q:v", "3", "-g", "25", "-c:a", "copy", "-output_ts_offset",
               FRAMES / RATE, other)
        out.write_bytes(source.read_bytes() + other.read_bytes())
        other.unlink()
    elif how == "picture":
        ffmpeg("-ss", "1", "-i", source, "-frames:v", "1", *(["-lossless", "1"] if name.endswith("webp") else ["-q:v", "2"]), out)
    elif how == "tiny":
        ffmpeg("-i", source, "-frames:v", "1", "-vf", "scale=1:1", out)
    elif how == "huge":
        out.write_bytes(huge_png(20000))
    elif isinstance(how, tuple):
        # The stored picture is upright; the tag tells the reader to turn it.
        tag = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x112, 3, 1, how[1], 0, 0)
        segment = b"Exif\0\0" + tag
        content = source.read_bytes()
        out.write_bytes(content[:2] + struct.pack(">HH", 0xFFE1, len(segment) + 2) + segment + content[2:])
    elif how == "tone":
        ffmpeg("-f", "lavfi", "-i", "sine=frequency=1000:duration=8:sample_rate=44100", out)
    elif how == "letters":
        out.write_bytes(letters())
    elif how == "tracks":
        subtitles, chapters = folder / "tracks.de.srt", folder / "tracks.chapters"
        subtitles.write_text(SUBTITLES)
        chapters.write_text(CHAPTERS)
        ffmpeg("-i", source, "-f", "lavfi", "-i", "sine=frequency=3000:duration=4", "-i", subtitles, "-i", chapters, "-map", "0:v",
               "-map", "0:a", "-map", "1:a", "-map", "2:s", "-map", "2:s", "-map_chapters", "3", "-c:v", "copy", "-c:a", "libopus", "-c:s:0",
               "srt", "-c:s:1", "ass", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra", "-metadata:s:a:1",
               "title=Commentary", "-metadata:s:s:0", "language=eng", "-disposition:s:0", "default", out)
        chapters.unlink()
    elif how == "text":
        out.write_text("This is not a film.\n" * 200)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: make-clips.py FOLDER [NAME…]")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    cache = []

    def pictures():
        if not cache:
            cache.append(b"".join(picture(number) for number in range(FRAMES)))
        return cache[0]

    for name in sys.argv[2:] or [*CLIPS, *DERIVED]:
        if name not in CLIPS and name not in DERIVED:
            sys.exit(f"make-clips: there is no clip {name}")
        make(folder, name, pictures)


main()
