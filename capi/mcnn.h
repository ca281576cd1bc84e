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
 * Threads: any number of threads may classify with one model at the same time, and their calls run concurrently. Calls share
 * the weights; each has its own working memory, which is kept for later calls. mcnn_open may be called from any thread.
 * mcnn_close must not overlap another call on the same model.
 * mcnn_options.threads is the number of threads of one call: if several calls run concurrently, 1 is best. If the system
 * refuses to make more threads, a call uses fewer.
 * After fork() the child may use its models on the CPU, provided no other thread was inside a call at the fork.
 *
 * Strings are UTF-8, with a terminating 0. Those that the library returns belong to it, or to the model they come from.
 * Compatibility: the library's SONAME contains MCNN_ABI_VERSION. Within one version, functions are only added, and
 * mcnn_options only grows at its end. */
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

/* MCNN_ABI_VERSION of the loaded library; the macro is that of the header. */
MCNN_API int mcnn_abi_version(void);

/* The version of the loaded library: "0.1.0". */
MCNN_API const char* mcnn_version(void);

typedef enum mcnn_status {
  MCNN_OK = 0,
  MCNN_INVALID_ARGUMENT = 1, /* a null pointer, an impossible size, an unknown value of an option */
  MCNN_BAD_WEIGHTS = 2,      /* the weights file cannot be read, fits no network, or gives results that are not finite */
  MCNN_BAD_PHOTO = 3,        /* the photo is truncated, of an unknown format, or has too many pixels */
  MCNN_OUT_OF_MEMORY = 4,
  MCNN_INTERNAL = 5 /* a bug in the library */
} mcnn_status;

/* The message of the last failed call on the calling thread; "" if no call failed. Valid until the next failed call on this
 * thread. Messages are cut at 1023 bytes. */
MCNN_API const char* mcnn_last_error(void);

/* Options of mcnn_open. Initialise with MCNN_OPTIONS_INIT, then set fields. mcnn_open keeps no pointer from it. */
typedef struct mcnn_options {
  size_t size;                      /* sizeof(mcnn_options) of the caller: tells the library which fields it has */
  int threads;                      /* per call; 0: as many as the process may use; 1: the calling thread alone */
  const char* device;               /* "auto", "cpu", "cuda", "sim" or "ref"; NULL: "auto" */
  const char* network;              /* "b4": a name that `mcnn-infer --help` lists, if the file does not say; NULL: taken from the file */
  const char* padding;              /* "same", "same:HxW" or "symmetric", overrides the file; NULL: the file's */
  const char* crop_rule;            /* "timm", "torchvision" or "tensorflow", overrides the file; NULL: the file's */
  float bn_eps;                     /* batch norm's epsilon, overrides the file; 0: the file's */
  const char* const* allow_missing; /* names or globs ("blocks.6.*") of tensors the file may lack or have in excess */
  size_t allow_missing_count;       /* elements of allow_missing; 0: the file must fit exactly */
  int64_t most_pixels;              /* photos with more (width times height) are refused; 0: 100,000,000 */
  const char* products; /* matrix products on a GPU: "own", "vendor" (cuBLAS and cuDNN where found) or "auto" (as vendor); NULL: "auto" */
  int allow_tf32;       /* 1: tensor cores may round fp32 operands to tf32, 11 significant bits; 0: they may not */
  int reserved;         /* must be 0 */
} mcnn_options;

#define MCNN_OPTIONS_INIT \
  { sizeof(mcnn_options), 0, NULL, NULL, NULL, NULL, 0.0f, NULL, 0, 0, NULL, 0, 0 }

typedef struct mcnn_model mcnn_model;

/* Opens `path`: a weights file (safetensors or torch), or a run's folder, whose best.safetensors is used. Network, class names and
 * preprocessing come from the file. `options` may be NULL. The caller frees *model with mcnn_close; it is NULL on failure.
 * MCNN_INVALID_ARGUMENT, MCNN_BAD_WEIGHTS, MCNN_OUT_OF_MEMORY. */
MCNN_API mcnn_status mcnn_open(const char* path, const mcnn_options* options, mcnn_model** model);

/* Frees the model and every string it returned. NULL is allowed. */
MCNN_API void mcnn_close(mcnn_model* model);

/* The number of classes; 0 for NULL. */
MCNN_API size_t mcnn_class_count(const mcnn_model* model);

/* The name of class `index`, 0 <= index < mcnn_class_count; "0", "1", ... if the file has no names. NULL for other indices. */
MCNN_API const char* mcnn_class_name(const mcnn_model* model, size_t index);

/* The side, in pixels, of the square that the network sees after resizing and cropping; 0 for NULL. */
MCNN_API int mcnn_input_side(const mcnn_model* model);

/* Notes for the user on how the file was read, several lines: settings that were guessed because the file does not state them,
 * and tensors that were missing. "" if there are none; NULL for NULL. */
MCNN_API const char* mcnn_notes(const mcnn_model* model);

/* The backend in use, and why: "backend: cpu (AVX3, 2 threads) (device = cpu)". NULL for NULL. */
MCNN_API const char* mcnn_backend(const mcnn_model* model);

/* Classifies a decoded, upright photo. rgb: `height` rows of `width` pixels of three bytes (red, green, blue; 0 to 255), row y
 * at rgb + y * row_stride; row_stride is in bytes, at least 3 * width. The photo is resized, cropped and normalised as the
 * weights file says. probabilities has room for `count` floats, count >= mcnn_class_count; mcnn_class_count values are written,
 * in label order, from 0 to 1, sum 1 (softmax). The caller owns both arrays; on failure probabilities is not changed.
 * MCNN_INVALID_ARGUMENT, MCNN_BAD_PHOTO (too many pixels, too narrow), MCNN_BAD_WEIGHTS, MCNN_OUT_OF_MEMORY. */
MCNN_API mcnn_status mcnn_classify_rgb(mcnn_model* model, const uint8_t* rgb, int width, int height, size_t row_stride,
                                       float* probabilities, size_t count);

/* Classifies a photo from the contents of its file, `size` bytes in any format that mcnn-infer reads, recognised by its first
 * bytes: JPEG (with EXIF orientation), PNG, BMP, GIF (first frame), still WebP, and HEIC or AVIF if libheif is installed.
 * A truncated file is MCNN_BAD_PHOTO. */
MCNN_API mcnn_status mcnn_classify_bytes(mcnn_model* model, const void* bytes, size_t size, float* probabilities, size_t count);

/* Classifies a photo's file on disk. */
MCNN_API mcnn_status mcnn_classify_file(mcnn_model* model, const char* path, float* probabilities, size_t count);

/* Writes the indices of the `k` most likely classes to `classes` (room for k), most likely first, equal ones by index. Returns
 * how many it wrote: the smaller of k and count; 0 for a null pointer. */
MCNN_API size_t mcnn_top_k(const float* probabilities, size_t count, size_t* classes, size_t k);

#ifdef __cplusplus
}
#endif

#endif
