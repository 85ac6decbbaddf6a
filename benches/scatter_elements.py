"""The third way to add rows at repeated indices, which the engine's graphs cannot hold:
ScatterElements(add), with ONNX Runtime's Python package. `python benches/scatter_elements.py`"""

import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

for n, d, rows in [(395_136, 16, 8232), (790_000, 32, 16_464)]:
    node = helper.make_node("ScatterElements", ["zeros", "indices", "x"], ["y"], axis=0, reduction="add")
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "scatter",
        [
            info("zeros", TensorProto.FLOAT, [rows, d]),
            info("indices", TensorProto.INT64, [n, d]),
            info("x", TensorProto.FLOAT, [n, d]),
        ],
        [info("y", TensorProto.FLOAT, [rows, d])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    random = np.random.default_rng(1)
    x = random.uniform(-1, 1, (n, d)).astype(np.float32)
    at = random.integers(0, rows, n)
    feed = {"zeros": np.zeros((rows, d), np.float32), "indices": np.repeat(at[:, None], d, 1), "x": x}
    expected = np.zeros((rows, d), np.float64)
    np.add.at(expected, at, x)
    times, wrong = [], 0
    for _ in range(5):
        start = time.perf_counter()
        (y,) = session.run(None, feed)
        times.append(time.perf_counter() - start)
        wrong += bool(np.abs(y - expected).max() > 0.3)
    print(f"| {n} x {d} | {rows} | random | ScatterElements(add) | {wrong} of 5 | {sorted(times)[2] * 1e3:.0f} |")
