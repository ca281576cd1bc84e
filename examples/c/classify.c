/* Classifies photos from C: classify WEIGHTS PHOTO... prints the three likeliest classes of each, as mcnn-infer does.
 *
 *   cc classify.c $(pkg-config --cflags --libs mcnn) -o classify        or: cmake -B build && cmake --build build
 */
#include <mcnn.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 3 };

static void print_answer(const mcnn_model* model, const char* photo, const float* probabilities) {
  size_t best[SHOWN];
  const size_t shown = mcnn_top_k(probabilities, mcnn_class_count(model), best, SHOWN);
  printf("%s:", photo);
  for (size_t i = 0; i < shown; ++i) printf("%s %s %.3f", i ? "," : "", mcnn_class_name(model, best[i]), probabilities[best[i]]);
  printf("\n");
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s WEIGHTS PHOTO...\n", argv[0]);
    return 2;
  }
  mcnn_model* model = NULL;
  if (mcnn_open(argv[1], NULL, &model) != MCNN_OK) {
    fprintf(stderr, "classify: %s\n", mcnn_last_error());
    return 1;
  }
  const size_t classes = mcnn_class_count(model);
  float* probabilities = malloc(classes * sizeof *probabilities);
  int failures = probabilities == NULL;
  for (int i = 2; i < argc && probabilities != NULL; ++i) {
    if (mcnn_classify_file(model, argv[i], probabilities, classes) == MCNN_OK) {
      print_answer(model, argv[i], probabilities);
    } else {
      fprintf(stderr, "classify: %s\n", mcnn_last_error());
      ++failures;
    }
  }
  free(probabilities);
  mcnn_close(model);
  return failures > 0;
}
