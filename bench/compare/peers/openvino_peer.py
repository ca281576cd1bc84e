"""OpenVINO as a peer: the graph that mcnn-weights exported, reshaped to the batch; one call at a time.

The precision is a hint (f32 is stated too: OpenVINO's own choice is bf16 where the processor has it). For one photo there is the latency
hint; for more, one stream has all threads. Next: dialogue.py.
"""
import openvino

from dialogue import dialogue, images, options

given = options().parse_args()
core = openvino.Core()
model = core.read_model(given.weights)
model.reshape([given.batch, 3, given.res, given.res])
settings = {"INFERENCE_PRECISION_HINT": given.storage, "INFERENCE_NUM_THREADS": given.threads}
settings |= {"PERFORMANCE_HINT": "LATENCY"} if given.batch == 1 else {"NUM_STREAMS": 1}
request = core.compile_model(model, "CPU", settings).create_infer_request()
photos = images(given)
dialogue(given, lambda: request.infer([photos])[0].flatten().tolist())
