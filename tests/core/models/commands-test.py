#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`saccade models` and `saccade devices` as a person or a script uses them, and `embed` on checkpoints that are not what they say.

    commands-test.py SACCADE HUB.py CHECKPOINTS
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SACCADE, HUB, CHECKPOINTS = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
scratch = pathlib.Path(tempfile.mkdtemp(prefix="saccade-models-"))
environment = {key: value for key, value in os.environ.items() if key not in ("SACCADE_MODELS", "SACCADE_HUB", "DISPLAY", "WAYLAND_DISPLAY")}
environment.update(XDG_DATA_HOME=str(scratch / "data"), XDG_CACHE_HOME=str(scratch / "cache"), XDG_CONFIG_HOME=str(scratch / "config"),
                   GIO_USE_PROXY_RESOLVER="dummy", LC_ALL="C.UTF-8")


def run(*words, status=0):
    """The standard output and error of a command, which must end with this status."""
    done = subprocess.run([SACCADE, *map(str, words)], capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == status, f"{words}: status {done.returncode}, not {status}\n{done.stdout}\n{done.stderr}"
    assert status == 0 or done.stderr.strip(), f"{words} fails without a word"
    assert status == 0 or not done.stdout, f"{words} fails, and prints {done.stdout}"
    return done.stdout, done.stderr


def ask(*words):
    return json.loads(run(*words, "--json")[0])


def fails(expected, *words, status=1):
    error = run(*words, status=status)[1]
    assert expected in error, f"{words}: “{error.strip()}” does not say “{expected}”"


def spoil(name, change):
    """A copy of a small checkpoint whose header `change` has had its way with; data offsets stay true."""
    folder = scratch / name
    shutil.copytree(CHECKPOINTS / "clip-gelu-half", folder)
    path = folder / "model.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    body = bytearray(data[8 + length:])
    change(header, body)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return folder


def swapped(header, _):
    header["text_projection.weight" if header["text_projection.weight"]["shape"][0] != header["text_projection.weight"]["shape"][1]
           else "text_model.encoder.layers.0.mlp.fc1.weight"]["shape"].reverse()


def retyped(header, _):
    header["text_model.encoder.layers.0.mlp.fc1.weight"]["dtype"] = "I16"


def not_a_number(header, body):
    begin = header["text_model.encoder.layers.0.mlp.fc1.weight"]["data_offsets"][0]
    body[begin:begin + 2] = b"\xff\x7f"


def missing(header, _):
    del header["text_model.encoder.layers.0.mlp.fc1.weight"]


def test_list_and_show():
    models = {model["id"]: model for model in ask("models")["models"]}
    assert ask("models", "list")["models"] == list(models.values())
    assert {"clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14", "tinyclip-vit-8m-16"} <= set(models)
    assert not any(model["installed"] for model in models.values())
    assert models["clip-vit-b-32"]["downloadable"] and models["clip-vit-b-32"]["path"] is None
    assert "clip-vit-l-14" in run("models")[0] and "MIT" in run("models", "show", "clip-vit-l-14")[0]
    fails("no model “nothing”", "models", "show", "nothing")


def test_usage():
    for words in (("models", "frob"), ("models", "get"), ("models", "add"), ("models", "remove", "a", "b"), ("models", "list", "x"),
                  ("models", "get", "a", "--id", "b"), ("models", "--frob"), ("devices", "x")):
        run(*words, status=2)
    fails("cannot be a model's id", "models", "remove", "../x", status=2)
    for command in ("models", "devices"):
        assert "--json" in run(command, "--help")[0]


def test_add_and_remove():
    added = ask("models", "add", CHECKPOINTS / "clip-gelu-half", "--id", "tiny")
    assert added["id"] == "tiny" and added["installed"] and added["dimensions"] == 64 and added["network"] == "clip"
    assert (pathlib.Path(added["path"]) / "model.safetensors").is_file()
    fails("there already", "models", "add", CHECKPOINTS / "clip-gelu-half", "--id", "tiny")
    assert ask("models", "remove", "tiny") == {"removed": "tiny"}
    assert not pathlib.Path(added["path"]).exists()
    fails("/nowhere", "models", "add", "/nowhere")


def test_hostile():
    """Refused when it is added, or else, where only the network tells, when it is used; each time with the tensor's name."""
    tensor = "text_model.encoder.layers.0.mlp.fc1.weight"
    fails(tensor, "models", "add", spoil("not-a-number", not_a_number))
    for name, change in (("swapped", swapped), ("missing", missing), ("retyped", retyped)):
        folder = spoil(name, change)
        done = subprocess.run([SACCADE, "models", "add", folder], capture_output=True, text=True, env=environment, timeout=60, check=False)
        if done.returncode == 0:
            done = subprocess.run([SACCADE, "embed", "--model", name, "--text", "a dog"], capture_output=True, text=True, env=environment,
                                  timeout=120, check=False)
        if "No Vulkan" in done.stderr or "no Vulkan" in done.stderr:
            continue
        assert done.returncode == 1 and ("text_projection.weight" in done.stderr or tensor in done.stderr), f"{name}: {done.returncode} {done.stderr}"


def test_get():
    log = scratch / "requests"
    with subprocess.Popen([sys.executable, HUB, CHECKPOINTS / "clip-gelu-half", CHECKPOINTS / "clip-quick-gelu", log], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as hub:
        address = f"http://127.0.0.1:{hub.stdout.readline().strip()}"
        environment["SACCADE_HUB"] = address + "/wrong-byte"
        fails("deleted", "models", "get", "clip-vit-b-32")
        environment["SACCADE_HUB"] = address + "/cut"
        output, progress = run("models", "get", "clip-vit-b-32", "--json")
        assert "trying again" in progress and "broke off" in progress
        assert json.loads(output)["installed"]
        fails("there already", "models", "get", "clip-vit-b-32")
        path = pathlib.Path(json.loads(output)["path"])
        assert (path / "model.safetensors").read_bytes() == (CHECKPOINTS / "clip-gelu-half" / "model.safetensors").read_bytes()
        hub.stdin.close()
    environment["SACCADE_HUB"] = address
    fails("cannot be reached", "models", "get", "clip-vit-b-16")
    del environment["SACCADE_HUB"]
    requests = len(log.read_text().splitlines())
    run("models", "remove", "clip-vit-b-32")
    run("models", "list")
    assert len(log.read_text().splitlines()) == requests, "only get may use the network"


def test_devices():
    done = subprocess.run([SACCADE, "devices", "--json"], capture_output=True, text=True, env=environment, timeout=60, check=False)
    if done.returncode == 1:
        assert "ulkan" in done.stderr, done.stderr
        return
    devices = json.loads(done.stdout)["devices"]
    text = run("devices")[0]
    for number, device in enumerate(devices):
        assert device["index"] == number and device["name"] in text and device["type"] in ("discrete", "integrated", "virtual", "CPU", "other")
        assert device["usable"] or device["reason"]
        assert device["capabilities"]["max_workgroup_invocations"] >= 128


try:
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print("passed:", name)
finally:
    shutil.rmtree(scratch, ignore_errors=True)
