/* Reads digits from pictures (binary PGM, 28x28, white on black) with a
 * compiled model:
 *
 *   read_digits picture.pgm...
 *
 * Everything the model needs at run time is in this program: no files, no
 * allocation, no other library. */
#include "digits.h"

#include <stdio.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, DIGITS = 10 };

static int read_pgm(const char *path, unsigned char *pixels) {
  int width = 0, height = 0, maximum = 0;
  FILE *file = fopen(path, "rb");
  if (!file)
    return 0;
  int good = fscanf(file, "P5 %d %d %d", &width, &height, &maximum) == 3 &&
             width == SIDE && height == SIDE && maximum == 255 &&
             fgetc(file) != EOF && fread(pixels, 1, PIXELS, file) == PIXELS;
  fclose(file);
  return good;
}

/* Two rows of pixels a line: characters are twice as high as wide. */
static void draw(const unsigned char *pixels) {
  static const char ink[] = " .:-=+*#%@";
  for (int y = 0; y < SIDE; y += 2) {
    for (int x = 0; x < SIDE; ++x) {
      int brightness = (pixels[y * SIDE + x] + pixels[(y + 1) * SIDE + x]) / 2;
      putchar(ink[brightness * 9 / 255]);
    }
    putchar('\n');
  }
}

static ashlar_status read_digit(const unsigned char *pixels,
                                float *probability) {
  /* DIGITS_WORKSPACE_SIZE is known at compile time, so the workspace can be a
   * plain array. */
  static _Alignas(
      ASHLAR_ALIGNMENT) unsigned char workspace[DIGITS_WORKSPACE_SIZE(1)];
  float image[PIXELS];
  for (int i = 0; i < PIXELS; ++i)
    image[i] = (float)pixels[i] / 255;

  digits_args args = DIGITS_ARGS_INIT;
  args.head.workspace = workspace;
  args.head.workspace_bytes = sizeof workspace;
  args.image = image;
  args.image_bytes = sizeof image;
  args.probability = probability;
  args.probability_bytes = DIGITS * sizeof *probability;
  return digits_run(&args);
}

int main(int argc, char **argv) {
  ashlar_status status = digits_check_cpu();
  for (int i = 1; i < argc && status == ASHLAR_OK; ++i) {
    unsigned char pixels[PIXELS];
    float probability[DIGITS];
    if (!read_pgm(argv[i], pixels)) {
      fprintf(stderr, "%s: not a binary PGM picture of 28x28\n", argv[i]);
      return 1;
    }
    status = read_digit(pixels, probability);
    if (status != ASHLAR_OK)
      break;
    int best = 0;
    for (int digit = 1; digit < DIGITS; ++digit)
      if (probability[digit] > probability[best])
        best = digit;
    draw(pixels);
    printf("%s: this is a %d (%.1f %%)\n\n", argv[i], best,
           100 * probability[best]);
  }
  if (status != ASHLAR_OK)
    fprintf(stderr, "digits: %s\n", ashlar_status_text(status));
  return status != ASHLAR_OK;
}
