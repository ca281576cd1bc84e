/* mcnn: classifies photos with a weights file that mcnn-train wrote, or a public EfficientNet checkpoint.
 *
 *   mcnn_model* model = NULL;
 *   if (mcnn_open("runs/mine", NULL, &model) != MCNN_OK) { puts(mcnn_last_error()); return 1; }
 *   mcnn_classify_bytes(model, jpeg, jpeg_size, probabilities, mcnn_class_count(model));
 *   mcnn_close(model);
 *
 * Errors are status codes; mcnn_last_error() says in one line what was found and what was expected. Nothing is printed, no
 * C++ exception leaves the library, and a failed call changes nothing.
 *
 * Threads: any number may classify with one model at the same time and do run at the same time: each call takes working
 * memory of its own, which is kept for the next call (as much as the most calls that ever ran together needed), and the
 * weights are shared. mcnn_open may be called from any thread. mcnn_close must not overlap another call on the same model.
 * Threads that an option asks for (mcnn_options.threads) are per call: where several calls run together, 1 is best.
 * After fork() the child may go on with the models it has on the CPU, as long as no other thread was in a call when it was forked.
 * Where no more threads can be made, a call does with those there are.
 *
 * Strings: UTF-8, ending in 0. Compatibility: the library's SONAME carries MCNN_ABI_VERSION. Within one version functions
 * are only added and mcnn_options only grows at its end. */
#ifndef MCNN_H
#define MCNN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MCNN_API __attribute__((visibility("default")))
#else
#define MCNN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define MCNN_ABI_VERSION 1

/* MCNN_ABI_VERSION of the library that is loaded; what it was compiled with is in the macro. */
MCNN_API int mcnn_abi_version(void);

/* "0.1.0": of the library that is loaded. Static. */
MCNN_API const char* mcnn_version(void);

typedef enum mcnn_status {
  MCNN_OK = 0,
  MCNN_INVALID_ARGUMENT = 1, /* a null pointer, a size that cannot be, an option that is no such thing */
  MCNN_BAD_WEIGHTS = 2,      /* the weights file cannot be read, fits no network or computes what is no number */
  MCNN_BAD_PHOTO = 3,        /* the photo is cut short, of no known format, or has too many pixels */
  MCNN_OUT_OF_MEMORY = 4,
  MCNN_INTERNAL = 5 /* a mistake in the library */
} mcnn_status;

/* The message of the last call that failed on the calling thread; "" if none has. Valid until the next call that fails on
 * this thread; the library's. Longer messages are cut at 1023 bytes. */
MCNN_API const char* mcnn_last_error(void);

/* How a model is opened. Begin with MCNN_OPTIONS_INIT and change what is to differ; nothing is kept beyond mcnn_open. */
typedef struct mcnn_options {
  size_t size;                      /* sizeof(mcnn_options) of the caller: tells the library which fields there are */
  int threads;                      /* per call; 0: as many as the process may use; 1: the calling thread alone */
  const char* device;               /* "auto", "cpu", "cuda", "sim" or "ref"; NULL: "auto" */
  const char* network;              /* "b4": one of `mcnn-infer --help`, where the file does not say; NULL: the file says */
  const char* padding;              /* "same", "same:HxW" or "symmetric", in place of what the file says; or NULL */
  const char* crop_rule;            /* "timm", "torchvision" or "tensorflow", likewise; or NULL */
  float bn_eps;                     /* batch norm's epsilon, likewise; or 0 */
  const char* const* allow_missing; /* names or globs ("blocks.6.*") of tensors the file may lack or have in excess */
  size_t allow_missing_count;       /* of them; 0: the file must fit exactly */
  int64_t most_pixels;              /* photos with more (width times height) are refused; 0: 100,000,000 */
  const char* products;             /* matrix products on a GPU: "own", "vendor" (cuBLAS and cuDNN where found) or "auto" (as vendor); NULL: "auto" */
  int allow_tf32;                   /* 1: tensor cores may take fp32 operands for tf32, their upper 11 bits; 0: they may not */
  int reserved;                     /* 0 */
} mcnn_options;

#define MCNN_OPTIONS_INIT \
  { sizeof(mcnn_options), 0, NULL, NULL, NULL, NULL, 0.0f, NULL, 0, 0, NULL, 0, 0 }

typedef struct mcnn_model mcnn_model;

/* Opens `path`: a weights file (safetensors or torch), or a run's folder, whose best.safetensors is taken. Network, class names and
 * preprocessing are the file's. `options` may be NULL. *model is the caller's, to be given to mcnn_close; NULL on failure.
 * MCNN_INVALID_ARGUMENT, MCNN_BAD_WEIGHTS, MCNN_OUT_OF_MEMORY. */
MCNN_API mcnn_status mcnn_open(const char* path, const mcnn_options* options, mcnn_model** model);

/* Frees the model and every string it gave out. NULL is allowed. */
MCNN_API void mcnn_close(mcnn_model* model);

/* How many classes the model tells apart; 0 for NULL. */
MCNN_API size_t mcnn_class_count(const mcnn_model* model);

/* The name of class `index`, 0 <= index < mcnn_class_count; "0", "1", ... where the file has no names. NULL outside. The
 * model's. */
MCNN_API const char* mcnn_class_name(const mcnn_model* model, size_t index);

/* The side, in pixels, of the square that the network sees after resizing and cropping; 0 for NULL. */
MCNN_API int mcnn_input_side(const mcnn_model* model);

/* What a user should know about how the file was understood, several lines: settings that were guessed because it does not
 * state them, tensors that were missing. "" where there is nothing to say; NULL for NULL. The model's. */
MCNN_API const char* mcnn_notes(const mcnn_model* model);

/* What computes, and why: "backend: cpu (AVX3, 2 threads) (device = cpu)". NULL for NULL. The model's. */
MCNN_API const char* mcnn_backend(const mcnn_model* model);

/* Classifies a decoded photo that stands upright. rgb: `height` rows of `width` pixels of three bytes (red, green, blue;
 * 0 to 255), row y at rgb + y * row_stride; row_stride is in bytes, at least 3 * width. The photo is resized, cropped and
 * normalised as the weights file says. probabilities: room for `count` floats, at least mcnn_class_count; that many are
 * written, in label order, from 0 to 1, sum 1 (softmax). The caller's, both; probabilities are not touched on failure.
 * MCNN_INVALID_ARGUMENT, MCNN_BAD_PHOTO (too many pixels, too narrow), MCNN_BAD_WEIGHTS, MCNN_OUT_OF_MEMORY. */
MCNN_API mcnn_status mcnn_classify_rgb(mcnn_model* model, const uint8_t* rgb, int width, int height, size_t row_stride,
                                       float* probabilities, size_t count);

/* The same for a photo's file in memory, `size` bytes: JPEG, PNG, BMP or GIF (its first frame), told by its content. A JPEG's
 * EXIF orientation is honoured. A file that ends early is MCNN_BAD_PHOTO. */
MCNN_API mcnn_status mcnn_classify_bytes(mcnn_model* model, const void* bytes, size_t size, float* probabilities, size_t count);

/* The same for a photo's file on disk. */
MCNN_API mcnn_status mcnn_classify_file(mcnn_model* model, const char* path, float* probabilities, size_t count);

/* The `k` likeliest classes, likeliest first, the lower index first among equals: writes their indices to `classes` (room for
 * k) and returns how many, the smaller of k and count. 0 for a null pointer. */
MCNN_API size_t mcnn_top_k(const float* probabilities, size_t count, size_t* classes, size_t k);

#ifdef __cplusplus
}
#endif

#endif
