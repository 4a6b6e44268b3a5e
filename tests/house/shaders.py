#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every variant of every shader is valid SPIR-V, those too that no device here can run: GLSLANG SPIRV-VAL FOLDER 'FILE -DNAME …' …"""
import pathlib
import subprocess
import sys
import tempfile

compiler, validator, folder = sys.argv[1:4]
failed = 0
with tempfile.TemporaryDirectory() as temporary:
    code = pathlib.Path(temporary) / "code.spv"
    for variant in sys.argv[4:]:
        name, *defines = variant.split()
        for command in ([compiler, "--quiet", "--target-env", "vulkan1.1", *defines, "-o", code, pathlib.Path(folder) / name],
                        [validator, "--target-env", "vulkan1.1", code]):
            if subprocess.run(command).returncode != 0:
                print(f"{variant}: {pathlib.Path(command[0]).name} refuses it")
                failed += 1
                break
print(f"{len(sys.argv) - 4 - failed} of {len(sys.argv) - 4} are valid")
sys.exit(failed > 0 or len(sys.argv) < 5)
