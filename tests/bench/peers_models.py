# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture networks of `peers`, described once and written for each engine, with the weights of a Saccade model's folder.

A network is a function that calls a writer's methods: convolution, linear, attention … An OnnxWriter makes an ONNX file, an
NcnnWriter ncnn's .param and .bin, a TorchWriter a list of calls. ONNX and PyTorch hold a batch of token rows as
[pictures · tokens, width]; ncnn holds one picture's.
"""
import json
import struct

import numpy as np

DTYPES = {"F32": np.float32, "F16": np.float16}
QUICK_GELU = 1.702


def read_safetensors(path):
    """The tensors whose type the picture networks use, as float32 (read when asked for)."""
    data = np.memmap(path, np.uint8, "r")
    length = struct.unpack("<Q", data[:8].tobytes())[0]
    header = json.loads(data[8:8 + length].tobytes())
    header.pop("__metadata__", None)

    class Tensors:
        def __contains__(self, name):
            return name in header

        def __getitem__(self, name):
            entry = header[name]
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            return data[begin:end].view(DTYPES[entry["dtype"]]).reshape(entry["shape"]).astype(np.float32)

    return Tensors()


# ---- Networks --------------------------------------------------------------------------------------------------------


def clip(writer, weights, config):
    """CLIP's picture tower as compute/networks/clip.c has it, up to the projection; → its operations a picture."""
    vision = config["vision_config"]
    patch, width, side = vision["patch_size"], vision["hidden_size"], vision.get("image_size", 224)
    epsilon, tower = vision.get("layer_norm_eps", 1e-5), "vision_model"
    tokens = (side // patch) ** 2 + 1

    def pair(name):
        return weights[f"{name}.weight"], weights[f"{name}.bias"]

    kernel = weights[f"{tower}.embeddings.patch_embedding.weight"]
    operations = 2 * kernel.size * (tokens - 1)
    x = writer.convolution(writer.input(side), kernel, None, patch)
    positions = weights[f"{tower}.embeddings.position_embedding.weight"]
    x = writer.tokens(x, weights[f"{tower}.embeddings.class_embedding"], positions)
    x = writer.layer_norm(x, *pair(f"{tower}.pre_layrnorm"), epsilon)
    for number in range(vision["num_hidden_layers"]):
        layer = f"{tower}.encoder.layers.{number}"
        parts = [pair(f"{layer}.self_attn.{part}_proj") for part in ("q", "k", "v", "out")]
        hidden = writer.layer_norm(x, *pair(f"{layer}.layer_norm1"), epsilon)
        x = writer.add(x, writer.attention(hidden, parts, vision["num_attention_heads"], tokens))
        first, second = pair(f"{layer}.mlp.fc1"), pair(f"{layer}.mlp.fc2")
        hidden = writer.linear(writer.layer_norm(x, *pair(f"{layer}.layer_norm2"), epsilon), *first, quick_gelu=True)
        x = writer.add(x, writer.linear(hidden, *second))
        products = sum(weight.size for weight, _ in [*parts, first, second])
        operations += 2 * products * tokens + 4 * tokens * tokens * width
    x = writer.layer_norm(writer.first_token(x, tokens, width), *pair(f"{tower}.post_layernorm"), epsilon)
    projection = weights["visual_projection.weight"]
    writer.output(writer.linear(x, projection, None), projection.shape[0])
    return operations + 2 * projection.size


def same_padding(size, kernel, stride):
    """TensorFlow's: ceil(size / stride) results, the odd zero below and to the right; → results, before, after."""
    results = -(-size // stride)
    total = max((results - 1) * stride + kernel - size, 0)
    return results, total // 2, total - total // 2


def efficientnet_lite(writer, weights, config):
    """EfficientNet-Lite as compute/networks/starter.c has it, up to the classes' shares; → its operations a picture."""
    picture = config["picture_config"]
    side, operations = picture["image_size"], 0

    def convolution(x, name, stride=1, groups=1, relu6=True):
        nonlocal side, operations
        kernel = weights[f"picture.{name}.weight"]
        side, before, after = same_padding(side, kernel.shape[2], stride)
        operations += 2 * kernel.size * side * side
        return writer.convolution(x, kernel, weights[f"picture.{name}.bias"], stride, (before, after), groups, relu6)

    x = convolution(writer.input(side), "stem", 2)
    channels, block = picture["stem_channels"], 0
    for stage in picture["stages"]:
        for repeat in range(stage["repeats"]):
            stride, hidden = 1 if repeat else stage["stride"], x
            if stage["expansion"] > 1:
                hidden = convolution(hidden, f"blocks.{block}.expand")
            hidden = convolution(hidden, f"blocks.{block}.depthwise", stride, channels * stage["expansion"])
            hidden = convolution(hidden, f"blocks.{block}.project", relu6=False)
            x = writer.add(x, hidden) if stride == 1 and channels == stage["channels"] else hidden
            channels, block = stage["channels"], block + 1
    x = writer.global_mean(convolution(x, "head"))
    classifier = weights["picture.classifier.weight"]
    x = writer.softmax(writer.linear(x, classifier, weights["picture.classifier.bias"]))
    writer.output(x, classifier.shape[0])
    return operations + 2 * classifier.size


NETWORKS = {"clip": clip, "saccade-starter": efficientnet_lite}


# ---- Writers ---------------------------------------------------------------------------------------------------------


class OnnxWriter:
    """Blobs are names. The attention is ONNX Runtime's own operator, which its CPU provider runs fastest."""

    def __init__(self):
        import onnx
        import onnx.numpy_helper
        self.onnx, self.nodes, self.initializers, self.inputs, self.outputs = onnx, [], [], [], []

    def constant(self, array):
        name = f"w{len(self.initializers)}"
        self.initializers.append(self.onnx.numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def node(self, kind, *inputs, **attributes):
        name = f"x{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name

    def reshape(self, x, *shape):
        return self.node("Reshape", x, self.constant(np.array(shape, np.int64)))

    def value(self, name, shape):
        return self.onnx.helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, shape)

    def input(self, side):
        self.inputs.append(self.value("pixels", ["batch", 3, side, side]))
        return "pixels"

    def output(self, x, width):
        self.nodes.append(self.onnx.helper.make_node("Identity", [x], ["vectors"]))
        self.outputs.append(self.value("vectors", ["batch", width]))

    def convolution(self, x, weight, bias, stride, padding=(0, 0), groups=1, relu6=False):
        constants = [self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        x = self.node("Conv", x, *constants, strides=[stride] * 2, pads=[padding[0]] * 2 + [padding[1]] * 2, group=groups)
        return self.node("Clip", x, self.constant(np.float32(0)), self.constant(np.float32(6))) if relu6 else x

    def tokens(self, x, class_vector, positions):
        count, width = positions.shape
        x = self.node("Transpose", self.reshape(x, -1, width, count - 1), perm=[0, 2, 1])
        x = self.node("Pad", x, self.constant(np.array([0, 1, 0, 0, 0, 0], np.int64)))
        first = np.zeros_like(positions)
        first[0] = class_vector
        return self.reshape(self.node("Add", x, self.constant(positions + first)), -1, width)

    def add(self, x, y):
        return self.node("Add", x, y)

    def layer_norm(self, x, weight, bias, epsilon):
        return self.node("LayerNormalization", x, self.constant(weight), self.constant(bias), axis=-1, epsilon=epsilon)

    def linear(self, x, weight, bias, quick_gelu=False):
        constants = [self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        x = self.node("Gemm", x, *constants, transB=1)
        return self.node("QuickGelu", x, domain="com.microsoft", alpha=QUICK_GELU) if quick_gelu else x

    def attention(self, x, parts, heads, tokens):
        width = parts[0][0].shape[0]
        projected = [self.reshape(self.linear(x, *part), -1, tokens, width) for part in parts[:3]]
        x = self.node("MultiHeadAttention", *projected, domain="com.microsoft", num_heads=heads)
        return self.linear(self.reshape(x, -1, width), *parts[3])

    def first_token(self, x, tokens, width):
        return self.node("Gather", self.reshape(x, -1, tokens, width), self.constant(np.int64(0)), axis=1)

    def global_mean(self, x):
        return self.node("Flatten", self.node("GlobalAveragePool", x))

    def softmax(self, x):
        return self.node("Softmax", x, axis=-1)

    def save(self, path):
        helper = self.onnx.helper
        graph = helper.make_graph(self.nodes, "picture", self.inputs, self.outputs, self.initializers)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        self.onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


class NcnnWriter:
    """Blobs are names of one picture's values; a blob that is read twice goes through a Split, as ncnn asks."""

    def __init__(self):
        self.layers, self.data, self.flat = [], [], set()

    def layer(self, kind, *inputs, **parameters):
        name = f"x{len(self.layers)}"
        self.layers.append((kind, list(inputs), [name], parameters))
        return name

    def store(self, *arrays, tagged=True):
        """A weight has a tag before it, 0 for float32; most biases and what a norm or a constant has do not."""
        for array in arrays:
            self.data.append((b"\0\0\0\0" if tagged else b"") + np.ascontiguousarray(array, "<f4").tobytes())
            tagged = False

    def input(self, side):
        return self.layer("Input", _0=side, _1=side, _2=3)

    def output(self, x, width):
        self.layers[-1][2][0] = "vectors"

    def convolution(self, x, weight, bias, stride, padding=(0, 0), groups=1, relu6=False):
        activation = {"_9": 3, "_-23310": "2,0.0,6.0"} if relu6 else {}
        grouped = {"_7": groups} if groups > 1 else {}
        outputs, kernel = weight.shape[0], weight.shape[2]
        self.store(weight, *([] if bias is None else [bias]))
        return self.layer("ConvolutionDepthWise" if groups > 1 else "Convolution", x, _0=outputs, _1=kernel, _3=stride,
                          _4=padding[0], _5=int(bias is not None), _6=weight.size, _14=padding[0], _15=padding[1],
                          _16=padding[1], **grouped, **activation)

    def constant(self, array):
        self.store(array, tagged=False)
        return self.layer("MemoryData", _0=array.shape[1], _1=array.shape[0])

    def tokens(self, x, class_vector, positions):
        count, width = positions.shape
        x = self.layer("Permute", self.layer("Reshape", x, _0=count - 1, _1=width), _0=1)
        x = self.layer("Concat", self.constant(class_vector[None]), x, _0=0)
        return self.add(x, self.constant(positions))

    def add(self, x, y):
        return self.layer("BinaryOp", x, y, _0=0)

    def layer_norm(self, x, weight, bias, epsilon):
        self.store(weight, bias, tagged=False)
        return self.layer("LayerNorm", x, _0=weight.size, _1=f"{epsilon:e}", _2=1)

    def linear(self, x, weight, bias, quick_gelu=False):
        """x · sigmoid(1.702 x) is swish(1.702 x) / 1.702, and the first factor goes into the weights."""
        factor = np.float32(QUICK_GELU if quick_gelu else 1)
        biased = bias is not None
        self.store(weight * factor)
        if x in self.flat:
            self.store(*([bias * factor] if biased else []), tagged=False)
            x = self.layer("InnerProduct", x, _0=weight.shape[0], _1=int(biased), _2=weight.size)
        else:
            # Rows of tokens: Gemm is half again as fast as InnerProduct, and gives its bias a tag.
            self.store(*([bias * factor] if biased else []))
            x = self.layer("Gemm", x, _3=1, _5=1, _6=1, _8=weight.shape[0], _9=weight.shape[1], _10=4 if biased else -1)
        return self.layer("BinaryOp", self.layer("Swish", x), _0=2, _1=1, _2=f"{1 / factor:e}") if quick_gelu else x

    def attention(self, x, parts, heads, tokens):
        for weight, bias in parts:
            self.store(weight, bias)
        return self.layer("MultiHeadAttention", x, _0=parts[0][0].shape[0], _1=heads, _2=parts[0][0].size)

    def first_token(self, x, tokens, width):
        return self.layer("Crop", x, _3=width, _4=1)

    def global_mean(self, x):
        x = self.layer("Pooling", x, _0=1, _4=1)
        self.flat.add(x)
        return x

    def softmax(self, x):
        return self.layer("Softmax", x, _0=0)

    def with_splits(self):
        """The layers with a Split behind each that is read more than once."""
        readers = {}
        for number, (_, inputs, _, _) in enumerate(self.layers):
            for place, name in enumerate(inputs):
                readers.setdefault(name, []).append((number, place))
        layers = []
        for layer in self.layers:
            layers.append(layer)
            copies = readers.get(layer[2][0], [])
            if len(copies) > 1:
                names = [f"{layer[2][0]}_{copy}" for copy in range(len(copies))]
                for (number, place), name in zip(copies, names):
                    self.layers[number][1][place] = name
                layers.append(("Split", [layer[2][0]], names, {}))
        return layers

    def save(self, path):
        """path.param and path.bin"""
        layers = self.with_splits()
        lines = ["7767517", f"{len(layers)} {sum(len(outputs) for _, _, outputs, _ in layers)}"]
        for number, (kind, inputs, outputs, parameters) in enumerate(layers):
            settings = [f"{name[1:]}={value}" for name, value in parameters.items()]
            lines.append(" ".join([kind, f"l{number}", str(len(inputs)), str(len(outputs)), *inputs, *outputs, *settings]))
        path.with_suffix(".param").write_text("\n".join(lines) + "\n", encoding="ascii")
        with open(path.with_suffix(".bin"), "wb") as file:
            file.writelines(self.data)


class TorchWriter:
    """Blobs are places in a list of values; each method appends one call, and run() makes them all: plain eager fp16."""

    def __init__(self):
        import torch
        self.torch, self.calls = torch, []

    def call(self, function, *inputs):
        self.calls.append((function, inputs))
        return len(self.calls)

    def half(self, array):
        return None if array is None else self.torch.from_numpy(np.array(array)).half().cuda()

    def input(self, side):
        return 0

    def output(self, x, width):
        pass

    def convolution(self, x, weight, bias, stride, padding=(0, 0), groups=1, relu6=False):
        functional, weight, bias = self.torch.nn.functional, self.half(weight), self.half(bias)
        if padding[0] != padding[1]:
            x = self.call(lambda v: functional.pad(v, padding * 2), x)
        around = padding[0] if padding[0] == padding[1] else 0
        x = self.call(lambda v: functional.conv2d(v, weight, bias, stride, around, groups=groups), x)
        return self.call(functional.relu6, x) if relu6 else x

    def tokens(self, x, class_vector, positions):
        first, positions = self.half(class_vector), self.half(positions)

        def embed(v):
            v = v.flatten(2).transpose(1, 2)
            v = self.torch.cat((first.expand(len(v), 1, -1), v), 1) + positions
            return v.reshape(-1, v.shape[2])

        return self.call(embed, x)

    def add(self, x, y):
        return self.call(self.torch.add, x, y)

    def layer_norm(self, x, weight, bias, epsilon):
        weight, bias = self.half(weight), self.half(bias)
        return self.call(lambda v: self.torch.nn.functional.layer_norm(v, weight.shape, weight, bias, epsilon), x)

    def linear(self, x, weight, bias, quick_gelu=False):
        weight, bias = self.half(weight), self.half(bias)
        x = self.call(lambda v: self.torch.nn.functional.linear(v, weight, bias), x)
        return self.call(lambda v: v * self.torch.sigmoid(QUICK_GELU * v), x) if quick_gelu else x

    def attention(self, x, parts, heads, tokens):
        width = parts[0][0].shape[0]
        projected = self.linear(x, *(np.concatenate(arrays) for arrays in zip(*parts[:3])))

        def attend(v):
            q, k, u = v.view(-1, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            v = self.torch.nn.functional.scaled_dot_product_attention(q, k, u)
            return v.transpose(1, 2).reshape(-1, width)

        return self.linear(self.call(attend, projected), *parts[3])

    def first_token(self, x, tokens, width):
        return self.call(lambda v: v.view(-1, tokens, width)[:, 0], x)

    def global_mean(self, x):
        return self.call(lambda v: v.mean((2, 3)), x)

    def softmax(self, x):
        return self.call(lambda v: v.softmax(-1), x)

    def run(self, pixels):
        values = [pixels]
        for function, inputs in self.calls:
            values.append(function(*(values[number] for number in inputs)))
        return values[-1]
