"""ONNX Runtime as a peer: the CPU provider with all optimisations of the graph, which mcnn-weights exported. Next: dialogue.py."""
import onnxruntime

from dialogue import dialogue, images, options

given = options().parse_args()
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads = given.threads
settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
session = onnxruntime.InferenceSession(given.weights, settings, providers=["CPUExecutionProvider"])
photos = {session.get_inputs()[0].name: images(given)}
dialogue(given, lambda: session.run(None, photos)[0].flatten().tolist())
