// Uses cuDNN's backend API: a convolution's descriptors make a graph of one operation, heuristics propose engines for it, and the first
// engine that is allowed() and can be built becomes the plan.
// Next: convolution.cu calls it.
#include "kernels/cuda/vendor/cudnn.h"

#include <cudnn_graph.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/cuda/vendor/libraries.h"
#include "runtime/error.h"

namespace mcnn::cuda {
namespace {

struct Functions {
  Library library{Cudnn::kFile};
  decltype(&cudnnGetVersion) get_version = library.function<decltype(&cudnnGetVersion)>("cudnnGetVersion");
  decltype(&cudnnGetCudartVersion) cudart_version = library.function<decltype(&cudnnGetCudartVersion)>("cudnnGetCudartVersion");
  int version = checked_version();  // checked before functions that older versions lack
  decltype(&cudnnGetErrorString) error_string = library.function<decltype(&cudnnGetErrorString)>("cudnnGetErrorString");
  decltype(&cudnnCreate) create = library.function<decltype(&cudnnCreate)>("cudnnCreate");
  decltype(&cudnnDestroy) destroy = library.function<decltype(&cudnnDestroy)>("cudnnDestroy");
  decltype(&cudnnSetStream) set_stream = library.function<decltype(&cudnnSetStream)>("cudnnSetStream");
  decltype(&cudnnBackendCreateDescriptor) create_descriptor =
      library.function<decltype(&cudnnBackendCreateDescriptor)>("cudnnBackendCreateDescriptor");
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor =
      library.function<decltype(&cudnnBackendDestroyDescriptor)>("cudnnBackendDestroyDescriptor");
  decltype(&cudnnBackendSetAttribute) set_attribute = library.function<decltype(&cudnnBackendSetAttribute)>("cudnnBackendSetAttribute");
  decltype(&cudnnBackendGetAttribute) get_attribute = library.function<decltype(&cudnnBackendGetAttribute)>("cudnnBackendGetAttribute");
  decltype(&cudnnBackendFinalize) finalize = library.function<decltype(&cudnnBackendFinalize)>("cudnnBackendFinalize");
  decltype(&cudnnBackendExecute) execute = library.function<decltype(&cudnnBackendExecute)>("cudnnBackendExecute");

 private:
  int checked_version() const {
    const auto found = static_cast<int>(get_version()), major = static_cast<int>(cudart_version() / 1000);
    if (found / 10000 != CUDNN_MAJOR || found < Cudnn::kLeastVersion)
      fail("{} is cuDNN {}.{}, and this build needs 9.8 or a later 9", library.path(), found / 10000, found % 10000 / 100);
    if (major != CUDART_VERSION / 1000)
      fail("{} is for CUDA {}, and this build needs one for {}", library.path(), major, CUDART_VERSION / 1000);
    return found;
  }
};

const Functions& functions() {
  static const Functions found;
  return found;
}

/// cuDNN has no kernel for this convolution.
struct Refusal : Error {
  using Error::Error;
};

void require(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  const std::string message = fmt::format("{}: {} ({})", call, functions().error_string(status), static_cast<int>(status));
  if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) throw Refusal(message);
  throw Error(message);
}

}  // namespace

class Cudnn::Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    require(functions().create_descriptor(type, &descriptor_), "cudnnBackendCreateDescriptor");
  }
  ~Descriptor() {
    if (descriptor_) functions().destroy_descriptor(descriptor_);
  }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, nullptr)) {}

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T* values, std::size_t count) {
    require(functions().set_attribute(descriptor_, name, type, static_cast<int64_t>(count), values), "cudnnBackendSetAttribute");
    return *this;
  }
  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    return set(name, type, &value, 1);
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, value.descriptor_);
  }
  template <std::size_t N>
  Descriptor& set(cudnnBackendAttributeName_t name, const std::array<int64_t, N>& values) {
    return set(name, CUDNN_TYPE_INT64, values.data(), N);
  }
  Descriptor& finalize() {
    require(functions().finalize(descriptor_), "cudnnBackendFinalize");
    return *this;
  }

  /// At most `most` values.
  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t most) const {
    std::vector<T> values(most);
    int64_t count = 0;
    require(functions().get_attribute(descriptor_, name, type, static_cast<int64_t>(most), &count, values.data()),
            "cudnnBackendGetAttribute");
    values.resize(std::min(most, static_cast<std::size_t>(count)));
    return values;
  }
  /// One descriptor, into `out`, which has the right type.
  void get(cudnnBackendAttributeName_t name, Descriptor& out) const {
    int64_t count = 0;
    require(functions().get_attribute(descriptor_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &out.descriptor_),
            "cudnnBackendGetAttribute");
  }
  /// All descriptors of this attribute, which have type `type`.
  std::vector<Descriptor> get(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type) const {
    int64_t count = 0;
    require(functions().get_attribute(descriptor_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr), "cudnnBackendGetAttribute");
    std::vector<Descriptor> out;
    std::vector<cudnnBackendDescriptor_t> raw;
    for (int64_t i = 0; i < count; ++i) raw.push_back(out.emplace_back(type).descriptor_);
    require(functions().get_attribute(descriptor_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, raw.data()),
            "cudnnBackendGetAttribute");
    while (out.size() > static_cast<std::size_t>(count)) out.pop_back();
    return out;
  }
  cudnnBackendDescriptor_t raw() const { return descriptor_; }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

namespace {

using Descriptor = Cudnn::Descriptor;
constexpr int64_t kX = 0, kW = 1, kY = 2;  // ids of the tensors

cudnnDataType_t type_of(DType type) {
  return type == DType::f32 ? CUDNN_DATA_FLOAT : type == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_HALF;
}

/// A tensor (n,h,w,c); cuDNN lists dimensions in the order n,c,h,w.
Descriptor tensor(int64_t id, DType type, int64_t n, int64_t h, int64_t w, int64_t c) {
  Descriptor out(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  out.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id)
      .set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type_of(type))
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, int64_t{16})
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::array{n, c, h, w})
      .set(CUDNN_ATTR_TENSOR_STRIDES, std::array{h * w * c, int64_t{1}, w * c, c})
      .finalize();
  return out;
}

/// Padding after the last row or column that the last output's window needs.
int64_t pad_behind(int64_t size, int64_t outputs, int64_t pad_before, const Convolution& c) {
  return std::max<int64_t>(0, (outputs - 1) * c.stride + c.kernel - size - pad_before);
}

Descriptor geometry(const Convolution& c) {
  Descriptor out(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  out.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, std::array{c.pad_top, c.pad_left})
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS,
           std::array{pad_behind(c.h, c.out_h, c.pad_top, c), pad_behind(c.w, c.out_w, c.pad_left, c)})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::array<int64_t, 2>{1, 1})
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::array{c.stride, c.stride})
      .finalize();
  return out;
}

Descriptor operation(const Convolution& c) {
  struct Names {
    cudnnBackendDescriptorType_t operation;
    cudnnBackendAttributeName_t geometry, x, w, y, alpha, beta;
  };
  static constexpr Names of_direction[] = {
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
       CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
      {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
       CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
  };
  const Names& names = of_direction[static_cast<int>(c.direction)];
  Descriptor out(names.operation);
  out.set(names.geometry, geometry(c))
      .set(names.x, tensor(kX, c.type, c.n, c.h, c.w, c.in))
      .set(names.w, tensor(kW, c.type, c.out, c.kernel, c.kernel, c.in))
      .set(names.y, tensor(kY, c.type, c.n, c.out_h, c.out_w, c.out))
      .set(names.alpha, CUDNN_TYPE_FLOAT, 1.f)
      .set(names.beta, CUDNN_TYPE_FLOAT, 0.f)
      .finalize();
  return out;
}

/// Whether an engine with these numerical notes is deterministic and as precise as Convolution requires. Tensor cores multiply fp32 as
/// tf32. Down-converted inputs may become fp16, which has a smaller range.
bool allowed(const std::vector<cudnnBackendNumericalNote_t>& notes, const Convolution& c) {
  for (const cudnnBackendNumericalNote_t note : notes) {
    if (note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC || note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) return false;
    if (c.type == DType::f32 && note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS) return false;
    if (c.type == DType::f32 && note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && !c.tf32) return false;
  }
  return true;
}

}  // namespace

Cudnn::Cudnn(const char* device) {
  const Functions& cudnn = functions();
  if (!device) require(cudnn.create(&handle_), "cudnnCreate");
  device_ = std::make_unique<Descriptor>(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  if (device)
    device_->set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, device, std::strlen(device));
  else
    device_->set(CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, handle_);
  device_->finalize();
}

Cudnn::~Cudnn() {
  if (handle_) functions().destroy(handle_);
}

std::string Cudnn::name() const { return fmt::format("cuDNN {}.{}", functions().version / 10000, functions().version % 10000 / 100); }

const Cudnn::Plan& Cudnn::plan(const Convolution& convolution) {
  auto found = plans_.find(convolution);
  if (found == plans_.end()) found = plans_.emplace(convolution, build(convolution)).first;
  return found->second;
}

Cudnn::Plan Cudnn::build(const Convolution& c) const {
  Plan plan;
  try {
    const Descriptor convolution = operation(c);
    Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, convolution).finalize();
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
      Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
      heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
          .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode)
          .set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *device_)
          .finalize();
      for (const Descriptor& choice : heuristics.get(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)) {
        ++plan.candidates;
        Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
        choice.get(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
        if (!allowed(engine.get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                                             CUDNN_NUMERICAL_NOTE_TYPE_COUNT),
                     c)) {
          ++plan.skipped;
          continue;
        }
        auto execution = std::make_shared<Descriptor>(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        execution->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, choice).set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *device_);
        if (functions().finalize(execution->raw()) != CUDNN_STATUS_SUCCESS) continue;  // a proposed engine may fail to build
        const int64_t workspace = execution->get<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1).at(0);
        if (workspace > kMostWorkspace) {
          ++plan.skipped;
          continue;
        }
        plan.workspace = static_cast<std::size_t>(workspace);
        plan.engine = engine.get<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1).at(0);
        plan.execution = std::move(execution);
        return plan;
      }
    }
    plan.refusal =
        fmt::format("none of {} proposed engines can be used, {} of them for their notes or workspace", plan.candidates, plan.skipped);
  } catch (const Refusal& refusal) {
    plan.refusal = refusal.what();
  }
  return plan;
}

void Cudnn::convolve(const Convolution& c, const ConvolutionOperands& operands, void* workspace, Stream stream) {
  require(functions().set_stream(handle_, stream), "cudnnSetStream");
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::array<int64_t, 3>{kX, kW, kY})
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, std::array{operands.x, operands.w, operands.y}.data(), 3)
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace)
      .finalize();
  require(functions().execute(handle_, plan(c).execution->raw(), pack.raw()), "cudnnBackendExecute");
}

}  // namespace mcnn::cuda
