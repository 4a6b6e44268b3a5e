#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One engine with one network, in a process of its own, for `peers`, which starts it.

    peers_engine.py write MODEL FOLDER                   the network of Saccade's model folder MODEL, written for each engine
    peers_engine.py pictures FOLDER SIDE COUNT           pictures to compare with: N.png, and pictures.npy for `run`
    peers_engine.py run ENGINE MODEL FOLDER PICTURES BATCH THREADS

`run` loads, embeds the first BATCH pictures and prints {"device", "vectors"}; then, for each line it reads, a number of seconds,
it runs that long and prints {"milliseconds": a picture, "peak_megabytes"}. A failure is {"failure": why}. It imports numpy and
its engine alone, so that little else is in its memory.
"""
import json
import os
import pathlib
import resource
import sys
import time

import numpy as np

import peers_models

VULKAN_DEVICE_IS_CPU = 3  # in ncnn's numbering of VkPhysicalDeviceType
CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Failure(Exception):
    """What an engine cannot do, and why."""


def read_config(model):
    return json.loads((model / "config.json").read_text(encoding="utf-8"))


def describe(model, writer):
    config = read_config(model)
    return peers_models.NETWORKS[config["model_type"]](writer, peers_models.read_safetensors(model / "model.safetensors"), config)


def write(model, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for writer, name in ((peers_models.OnnxWriter(), "picture.onnx"), (peers_models.NcnnWriter(), "picture.param")):
        operations = describe(model, writer)
        writer.save(folder / name)
    (folder / "network.json").write_text(json.dumps({"gflop": operations / 1e9}), encoding="utf-8")


def make_pictures(folder, side, count):
    """Smooth colours with noise on them, each its own."""
    from PIL import Image
    folder.mkdir(parents=True, exist_ok=True)
    random, pictures = np.random.default_rng(1), []
    for number in range(count):
        coarse = random.integers(0, 256, (2 + number, 2 + number, 3), np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), np.float32)
        noisy = np.clip(smooth + random.normal(0, 4 * number, (side, side, 3)), 0, 255)
        pictures.append(noisy.astype(np.uint8))
        Image.fromarray(pictures[-1]).save(folder / f"{number}.png")
    np.save(folder / "pictures.npy", pictures)


def read_pixels(config, folder, batch):
    """[batch, 3, side, side], normalised as compute/networks does it."""
    mean, deviation = (CLIP_MEAN, CLIP_DEVIATION) if config["model_type"] == "clip" else ([127 / 255] * 3, [128 / 255] * 3)
    pictures = np.load(folder / "pictures.npy")[:batch].astype(np.float32)
    pictures = (pictures / 255 - np.float32(mean)) / np.float32(deviation)
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))


def to_vectors(model, config, outputs):
    """What compute/networks makes of the network's output, at unit length."""
    if config["model_type"] == "saccade-starter":
        classes = peers_models.read_safetensors(model / "model.safetensors")["class_vectors"]
        outputs = np.maximum(outputs, 0) ** config["picture_config"]["power"] @ (classes - classes.mean(0))
    return outputs / np.linalg.norm(outputs, axis=1, keepdims=True)


# ---- Engines: each is (device, run), and run() gives the outputs of the batch ------------------------------------------


def onnx_runtime(model, folder, pixels, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_free_dimension_override_by_name("batch", len(pixels))
    session = onnxruntime.InferenceSession(str(folder / "picture.onnx"), options, providers=["CPUExecutionProvider"])
    return f"onnxruntime {onnxruntime.__version__}", lambda: session.run(None, {"pixels": pixels})[0]


def ncnn_net(folder, pixels, threads, vulkan):
    import ncnn
    net = ncnn.Net()
    net.opt.use_vulkan_compute, net.opt.num_threads = vulkan, threads
    for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    if net.load_param(str(folder / "picture.param")) or net.load_model(str(folder / "picture.bin")):
        raise Failure("ncnn does not load the network")

    def run_one(picture):
        extractor = net.create_extractor()
        extractor.input("x0", picture)
        status, output = extractor.extract("vectors")
        if status:
            raise Failure(f"ncnn stops with {status}")
        return np.array(output).reshape(-1)

    pictures = [ncnn.Mat(picture).clone() for picture in pixels]
    return f"ncnn {ncnn.__version__}", lambda: np.stack([run_one(picture) for picture in pictures])


def ncnn_cpu(model, folder, pixels, threads):
    return ncnn_net(folder, pixels, threads, False)


def ncnn_vulkan(want_gpu):
    def start(model, folder, pixels, threads):
        import ncnn
        found = [number for number in range(ncnn.get_gpu_count())
                 if (ncnn.get_gpu_info(number).type() != VULKAN_DEVICE_IS_CPU) == want_gpu]
        if not found:
            raise Failure("Vulkan finds no GPU" if want_gpu else "Vulkan finds no lavapipe")
        if found[0] != ncnn.get_default_gpu_index():
            raise Failure("ncnn prefers another device")
        device, run = ncnn_net(folder, pixels, threads, True)
        return f"{device}, {ncnn.get_gpu_info(found[0]).device_name()}", run

    return start


def torch_half(model, folder, pixels, threads):
    import torch
    writer = peers_models.TorchWriter()
    describe(model, writer)
    on_device = torch.from_numpy(pixels).half().cuda()

    def run():
        with torch.inference_mode():
            return writer.run(on_device).float().cpu().numpy()

    return f"torch {torch.__version__}, {torch.cuda.get_device_name()}", run


ENGINES = {"onnxruntime": onnx_runtime, "ncnn-cpu": ncnn_cpu, "ncnn-lavapipe": ncnn_vulkan(False), "ncnn-gpu": ncnn_vulkan(True),
           "torch": torch_half}


# ---- The process -----------------------------------------------------------------------------------------------------


def measure(run, seconds, batch):
    """The median of the runs that fit into so many seconds, at least one, in milliseconds a picture."""
    times, end = [], time.monotonic() + seconds
    while not times or time.monotonic() < end and len(times) < 1000:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2] * 1e3 / batch


def serve(engine, model, folder, pictures, batch, threads, answer):
    config = read_config(model)
    pixels = read_pixels(config, pictures, batch)
    device, run = ENGINES[engine](model, folder, pixels, threads)
    outputs = run()
    if not np.isfinite(outputs).all():
        raise Failure("its vectors are not finite")
    answer(device=device, vectors=to_vectors(model, config, outputs).tolist())
    for line in sys.stdin:
        milliseconds = measure(run, float(line), batch)
        answer(milliseconds=milliseconds, peak_megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def main():
    words = sys.argv[1:]
    if words[:1] == ["write"]:
        write(*map(pathlib.Path, words[1:]))
        return
    if words[:1] == ["pictures"]:
        make_pictures(pathlib.Path(words[1]), int(words[2]), int(words[3]))
        return
    # Engines print what they like; the answers keep the way to themselves.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(**values):
        print(json.dumps(values), file=answers, flush=True)

    engine, model, folder, pictures, batch, threads = words[1:]
    try:
        serve(engine, pathlib.Path(model), pathlib.Path(folder), pathlib.Path(pictures), int(batch), int(threads), answer)
    except Exception as problem:  # whatever an engine raises is a line of the table
        name = "" if isinstance(problem, Failure) else f"{type(problem).__name__}: "
        answer(failure=" ".join(f"{name}{problem}".split())[:200])
    # Drivers that are taken down late may crash, and everything is said.
    answers.close()
    os._exit(0)


main()
