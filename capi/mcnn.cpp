// The C API over the engine: checks arguments, turns exceptions into status codes, gives each call its own context.  Contract: mcnn.h.
// Next: inference/description.h describes a weights file, inference/inference_step.h runs it.
#include "capi/mcnn.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <new>
#include <numeric>

#include "data/file_bytes.h"
#include "inference/description.h"
#include "inference/evaluate.h"
#include "inference/inference_step.h"
#include "kernels/backend.h"
#include "weights/load.h"

namespace {

using namespace mcnn;

/// Makes a model's backends: one that holds the weights, and one for each concurrent call.
struct BackendChoice {
  std::string device;
  int threads;
  ProductOptions products;

  explicit BackendChoice(const mcnn_options& options)
      : device(options.device != nullptr ? options.device : "auto"),
        threads(options.threads),
        products{options.products != nullptr ? options.products : ProductOptions{}.products, options.allow_tf32 != 0} {}
  Backend make() const { return make_backend(device, threads, nullptr, products); }
};

/// Backend and working memory of one call. The weights are shared with the model.
struct CallContext {
  Backend backend;
  Workspace workspace;
  InferenceStep step;

  // The capacity reserves addresses only: enough for the largest network, and small enough for hundreds of concurrent calls.
  CallContext(const BackendChoice& choice, const Engine& engine)
      : backend(choice.make()), workspace(backend.ops->memory(), std::size_t{1} << 36), step(engine, *backend.ops, workspace) {}
};

struct InvalidArgument : Error {
  using Error::Error;
};
struct BadPhoto : Error {
  using Error::Error;
};

}  // namespace

struct mcnn_model {
  mcnn_model(const TensorFile& file, ModelDescription d, const mcnn_options& options, BackendChoice on)
      : description(std::move(d)),
        choice(std::move(on)),
        most_pixels(options.most_pixels > 0 ? options.most_pixels : kMostPixels),
        backend(choice.make()),
        engine(*backend.ops, description.spec, description.normalisation, false) {
    const std::vector<std::string> allowed(options.allow_missing, options.allow_missing + options.allow_missing_count);
    const LoadReport report = load_weights(file, engine.model().network(), engine.parameters(), {allowed, 0});
    require_head_of_file(report, file, description.spec.classes);
    for (const std::string& line : report.lines()) notes += line + "\n";
  }

  const ModelDescription description;
  const BackendChoice choice;
  const int64_t most_pixels;
  Backend backend;
  Engine engine;  ///< only read after load_weights
  std::string notes;

  std::mutex mutex;  ///< guards idle
  std::vector<std::unique_ptr<CallContext>> idle;
};

namespace {

thread_local char last_error[1024] = "";

mcnn_status failed(mcnn_status status, const char* message) {
  const std::size_t length = std::min(std::strlen(message), sizeof last_error - 1);
  std::memcpy(last_error, message, length);
  last_error[length] = '\0';
  return status;
}

/// Runs `work` and returns its status. An Error that is neither InvalidArgument nor BadPhoto gives `otherwise`.
template <class Work>
mcnn_status guarded(mcnn_status otherwise, const Work& work) noexcept {
  try {
    work();
    return MCNN_OK;
  } catch (const InvalidArgument& e) {
    return failed(MCNN_INVALID_ARGUMENT, e.what());
  } catch (const BadPhoto& e) {
    return failed(MCNN_BAD_PHOTO, e.what());
  } catch (const Error& e) {
    return failed(otherwise, e.what());
  } catch (const std::bad_alloc&) {
    return failed(MCNN_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    return failed(MCNN_INTERNAL, e.what());
  } catch (...) {
    return failed(MCNN_INTERNAL, "an exception of no known kind");
  }
}

void require(const void* pointer, const char* name) {
  if (pointer == nullptr) fail<InvalidArgument>("{} is null", name);
}

/// Copies the caller's options. Fields that an older caller's struct lacks become 0; fields that this library does not know must be 0.
mcnn_options options_of(const mcnn_options* given) {
  mcnn_options options = MCNN_OPTIONS_INIT;
  if (given == nullptr) return options;
  constexpr std::size_t kFirstVersion = offsetof(mcnn_options, most_pixels) + sizeof given->most_pixels;
  if (given->size < kFirstVersion || given->size > 4096)
    fail<InvalidArgument>("options.size is {}, expected sizeof(mcnn_options), {}", given->size, sizeof options);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(given);
  if (std::any_of(bytes + std::min(given->size, sizeof options), bytes + given->size, [](unsigned char byte) { return byte != 0; }))
    fail<InvalidArgument>("options sets a field that version {} of the library does not have", mcnn_version());
  std::memcpy(&options, given, std::min(given->size, sizeof options));
  if (options.threads < 0 || options.threads > 4096) fail<InvalidArgument>("options.threads is {}, expected 0 to 4096", options.threads);
  if (!(options.bn_eps >= 0)) fail<InvalidArgument>("options.bn_eps is {}, expected 0 or more", options.bn_eps);
  if (options.allow_tf32 != 0 && options.allow_tf32 != 1)
    fail<InvalidArgument>("options.allow_tf32 is {}, expected 0 or 1", options.allow_tf32);
  if (options.reserved != 0) fail<InvalidArgument>("options.reserved is {}, expected 0", options.reserved);
  if (options.most_pixels < 0) fail<InvalidArgument>("options.most_pixels is {}, expected 0 or more", options.most_pixels);
  if (options.allow_missing_count > 0) require(options.allow_missing, "options.allow_missing");
  for (std::size_t i = 0; i < options.allow_missing_count; ++i) require(options.allow_missing[i], "an element of options.allow_missing");
  return options;
}

Convention flags_of(const mcnn_options& options) {
  Convention flags;
  try {
    if (options.network != nullptr) flags.model = {network_spec(options.network).name, "options.network"};
    if (options.padding != nullptr) flags.padding = {Padding::parse(options.padding), "options.padding"};
    if (options.crop_rule != nullptr) flags.crop_rule = {name_of(parse_crop_rule(options.crop_rule)), "options.crop_rule"};
    if (options.bn_eps > 0) flags.bn_eps = {options.bn_eps, "options.bn_eps"};
  } catch (const Error& e) {
    fail<InvalidArgument>("options: {}", e.what());
  }
  return flags;
}

std::unique_ptr<mcnn_model> opened(const std::string& path, const mcnn_options& options) {
  const BackendChoice choice(options);
  try {
    choice.make();
  } catch (const Error& e) {
    fail<InvalidArgument>("options: {}", e.what());
  }
  const Convention flags = flags_of(options);
  const bool is_run = std::filesystem::is_directory(path);
  const TensorFile file = open_tensor_file(is_run ? (std::filesystem::path(path) / "best.safetensors").string() : path);
  std::vector<std::string> notes;
  ModelDescription description = describe_file(file, flags, notes);
  check(description.preprocess);
  auto model = std::make_unique<mcnn_model>(file, std::move(description), options, choice);
  for (auto note = notes.rbegin(); note != notes.rend(); ++note) model->notes.insert(0, *note + "\n");
  return model;
}

/// Takes an idle context of the model, or makes one, for the time of one call.
class Borrowed {
 public:
  explicit Borrowed(mcnn_model& model) : model_(model) {
    {
      const std::lock_guard lock(model_.mutex);
      if (!model_.idle.empty()) {
        context_ = std::move(model_.idle.back());
        model_.idle.pop_back();
      }
    }
    if (!context_) context_ = std::make_unique<CallContext>(model_.choice, model_.engine);
  }
  ~Borrowed() {
    try {
      const std::lock_guard lock(model_.mutex);
      model_.idle.push_back(std::move(context_));
    } catch (const std::exception&) {  // no memory for the list: the context is freed, the next call makes a new one
    }
  }
  Borrowed(const Borrowed&) = delete;
  CallContext& operator*() const { return *context_; }

 private:
  mcnn_model& model_;
  std::unique_ptr<CallContext> context_;
};

void check_classify(const mcnn_model* model, const float* probabilities, std::size_t count) {
  require(model, "model");
  require(probabilities, "probabilities");
  const std::size_t classes = model->description.classes.size();
  if (count < classes) fail<InvalidArgument>("probabilities has room for {} numbers, expected {}, one per class", count, classes);
}

template <class Decode>
void classify(mcnn_model& model, const Decode& decode, float* probabilities) {
  Batch batch{.n = 1, .flips = {0}};
  try {
    Image square = preprocess(decode(), model.description.preprocess);
    batch.h = square.height;
    batch.w = square.width;
    batch.pixels = std::move(square.rgb);
  } catch (const InvalidArgument&) {
    throw;
  } catch (const Error& e) {
    throw BadPhoto(e.what());
  }
  const Borrowed context(model);
  const std::vector<float> logits = (*context).step.logits(batch);
  if (!std::all_of(logits.begin(), logits.end(), [](float v) { return std::isfinite(v); }))
    fail("the network answers with numbers that are not finite; its weights or running statistics are broken");
  const std::vector<double> answer = softmax(logits.data(), logits.size());
  std::transform(answer.begin(), answer.end(), probabilities, [](double p) { return static_cast<float>(p); });
}

Image image_of(const uint8_t* rgb, int width, int height, std::size_t row_stride, int64_t most_pixels) {
  if (width < 1 || height < 1) fail<InvalidArgument>("a photo of {}x{}, expected at least 1x1", width, height);
  const std::size_t row = std::size_t{3} * static_cast<std::size_t>(width);
  if (row_stride < row) fail<InvalidArgument>("row_stride is {} bytes, expected at least {} (3 * width)", row_stride, row);
  require_decodable(width, height, most_pixels, "photo");
  Image image{width, height, std::vector<uint8_t>(row * static_cast<std::size_t>(height))};
  for (int y = 0; y < height; ++y)
    std::memcpy(image.rgb.data() + row * static_cast<std::size_t>(y), rgb + row_stride * static_cast<std::size_t>(y), row);
  return image;
}

}  // namespace

int mcnn_abi_version(void) { return MCNN_ABI_VERSION; }
const char* mcnn_version(void) { return MCNN_VERSION; }
const char* mcnn_last_error(void) { return last_error; }

mcnn_status mcnn_open(const char* path, const mcnn_options* options, mcnn_model** model) {
  if (model != nullptr) *model = nullptr;
  return guarded(MCNN_BAD_WEIGHTS, [&] {
    require(path, "path");
    require(model, "model");
    *model = opened(path, options_of(options)).release();
  });
}

void mcnn_close(mcnn_model* model) { delete model; }

size_t mcnn_class_count(const mcnn_model* model) { return model == nullptr ? 0 : model->description.classes.size(); }

const char* mcnn_class_name(const mcnn_model* model, size_t index) {
  return index < mcnn_class_count(model) ? model->description.classes[index].c_str() : nullptr;
}

int mcnn_input_side(const mcnn_model* model) { return model == nullptr ? 0 : model->description.preprocess.crop; }
const char* mcnn_notes(const mcnn_model* model) { return model == nullptr ? nullptr : model->notes.c_str(); }
const char* mcnn_backend(const mcnn_model* model) { return model == nullptr ? nullptr : model->backend.reason.c_str(); }

mcnn_status mcnn_classify_rgb(mcnn_model* model, const uint8_t* rgb, int width, int height, size_t row_stride, float* probabilities,
                              size_t count) {
  return guarded(MCNN_BAD_WEIGHTS, [&] {
    check_classify(model, probabilities, count);
    require(rgb, "rgb");
    classify(
        *model, [&] { return image_of(rgb, width, height, row_stride, model->most_pixels); }, probabilities);
  });
}

mcnn_status mcnn_classify_bytes(mcnn_model* model, const void* bytes, size_t size, float* probabilities, size_t count) {
  return guarded(MCNN_BAD_WEIGHTS, [&] {
    check_classify(model, probabilities, count);
    require(bytes, "bytes");
    const std::span<const std::byte> file(static_cast<const std::byte*>(bytes), size);
    classify(
        *model, [&] { return decode_image(file, "photo", model->most_pixels); }, probabilities);
  });
}

mcnn_status mcnn_classify_file(mcnn_model* model, const char* path, float* probabilities, size_t count) {
  return guarded(MCNN_BAD_WEIGHTS, [&] {
    check_classify(model, probabilities, count);
    require(path, "path");
    classify(
        *model, [&] { return decode_image(read_file(path), path, model->most_pixels); }, probabilities);
  });
}

size_t mcnn_top_k(const float* probabilities, size_t count, size_t* classes, size_t k) {
  if (probabilities == nullptr || classes == nullptr) return 0;
  const std::size_t kept = std::min(k, count);
  std::size_t have = 0;
  for (std::size_t i = 0; i < count && kept > 0; ++i) {  // insertion sort: allocates nothing
    if (have == kept && !(probabilities[i] > probabilities[classes[kept - 1]])) continue;
    std::size_t at = have < kept ? have++ : kept - 1;
    for (; at > 0 && probabilities[i] > probabilities[classes[at - 1]]; --at) classes[at] = classes[at - 1];
    classes[at] = i;
  }
  return have;
}
