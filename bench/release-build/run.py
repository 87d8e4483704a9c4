#!/usr/bin/env python3
"""Making a release of one image beside what others make of the same image, in one run.

    run.py [--set small|full] [--programs FOLDER]

The image is this system's own files in one archive, 32 MB or 475 MB. Each tool gets it in the page cache and all
processors, at its default compression; ours gets --level 3 as well, and
--level 19 in the small set (with 475 MB it takes many minutes). One JSON object: MB/s of the image, the largest
resident set of any process of the tool in MiB, and the size of what came out. A tool that is not installed says so.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SIZES = {"small": 32, "full": 475}
ROOT = pathlib.Path(__file__).resolve().parents[2]


def make_image(path, megabytes):
    left = megabytes * 1_000_000
    with subprocess.Popen(["tar", "-c", "--sort=name", "-C", "/", "usr/bin", "usr/lib"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as tar, open(path, "wb") as out:
        while left > 0 and (part := tar.stdout.read(min(left, 1 << 20))):
            out.write(part)
            left -= len(part)
        tar.kill()
    if left > 0:
        sys.exit("this system has too few files for the image")


def measure(words, folder, result):
    """Runs it in a child of its own, whose children's peak is that of the tool."""
    if shutil.which(words[0]) is None:
        return {"absent": words[0]}
    start = time.monotonic()
    child = subprocess.Popen([sys.executable, "-c", "import resource,subprocess,sys\n"
                              "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)\n"
                              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
                              "sys.stderr.buffer.write(done.stderr[-400:])\n"
                              "sys.exit(done.returncode)", *map(str, words)], cwd=folder, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, error = child.communicate()
    seconds = time.monotonic() - start
    if child.returncode != 0:
        return {"failed": error.strip()[-300:]}
    made = [p for p in folder.glob(result) if p.is_file()]
    return {"seconds": round(seconds, 2), "peak_mib": round(int(out) / 1024, 1),
            "bytes": sum(p.stat().st_size for p in made)}


def ours(signer, folder, *level):
    out = "-".join(["r", *level])
    return measure([signer, "release", "build", "--product", "gw3", "--version", "1.0.0", "--counter", 1, "--out", out,
                    "--vendor-id", "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe", "--class-id",
                    "1492af14-2569-5e48-bf42-9b2d51f2ab45", "--hardware", "b", *level, "--component",
                    "name=rootfs,slot_role=rootfs,install=raw,image=rootfs.img"], folder, f"{out}/blobs/*")


def rauc(folder):
    content = folder / "content"
    content.mkdir()
    os.link(folder / "rootfs.img", content / "rootfs.img")
    (content / "manifest.raucm").write_text("[update]\ncompatible=gw3\nversion=1.0.0\n[bundle]\nformat=verity\n"
                                            "[image.rootfs]\nfilename=rootfs.img\n")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
                    "-subj", "/CN=bench", "-days", "3"], cwd=folder, check=True, capture_output=True)
    return measure(["rauc", "bundle", "--cert=cert.pem", "--key=key.pem", "content", "out.raucb"], folder, "out.raucb")


def swupdate(folder):
    (folder / "sw-description").write_text('software = { version = "1.0.0"; images: ( { filename = "rootfs.img"; '
                                           'device = "/dev/x"; type = "raw"; compressed = "zlib"; } ); }\n')
    return measure(["swugenerator", "-s", "sw-description", "-a", ".", "-o", "out.swu", "create"], folder, "out.swu")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--set", choices=SIZES, default="small")
    parser.add_argument("--programs", default=ROOT / "build/release/bin")
    options = parser.parse_args()
    signer = pathlib.Path(options.programs).resolve() / "pawl-signer"
    with tempfile.TemporaryDirectory(prefix="pawl-bench-") as work:
        folder = pathlib.Path(work)
        make_image(folder / "rootfs.img", SIZES[options.set])
        rows = {"pawl": ours(signer, folder), "pawl --level 3": ours(signer, folder, "--level", "3"),
                "rauc bundle": rauc(folder),
                "casync make": measure(["casync", "make", "--store=store.castr", "out.caibx", "rootfs.img"], folder,
                                       "store.castr/**/*.cacnk"),
                "swugenerator": swupdate(folder)}
        if options.set == "small":
            rows["pawl --level 19"] = ours(signer, folder, "--level", "19")
    for row in rows.values():
        if "seconds" in row:
            row["mb_per_s"] = round(SIZES[options.set] / row["seconds"], 2)
    print(json.dumps({"image_mb": SIZES[options.set], "processors": os.cpu_count(), "tools": rows}, indent=1))
    sys.exit(any("failed" in row for row in rows.values()))


if __name__ == "__main__":
    main()
