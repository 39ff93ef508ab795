/* clang-format off */ /* Tables read better aligned by hand. */
/* ashlar_onednn.h: what models compiled with --kernels=onednn call. libashlar_onednn.a holds it; it needs libdnnl.
 *
 * A primitive is made at the first call of its kind and size, with constant weights brought into oneDNN's own form once;
 * both are kept until ashlar_onednn_release(). Calls may go on at once in any number of threads. Work is split over the
 * workers of the call's executor; oneDNN itself uses one thread. */
#ifndef ASHLAR_ONEDNN_H
#define ASHLAR_ONEDNN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- for applications ---- */

/* Drops all primitives and packed weights; later calls make them anew. Models may be running. */
void ashlar_onednn_release(void);

struct ashlar_args;

/* ---- called by compiled models only ---- */

/* What is multiplied, and what the sums are: unsigned times signed bytes give int32, all others float. */
enum { ASHLAR_ONEDNN_F32 = 0, ASHLAR_ONEDNN_BF16 = 1, ASHLAR_ONEDNN_U8S8 = 2 };

/* Strides count elements; channels and columns lie side by side. All fields are int64_t: generated code fills them one
 * after the other. */
typedef struct ashlar_onednn_conv {
  int64_t type;
  int64_t weights_key;  /* tells constant weights apart; 0: not constant */
  int64_t images, height, width, channels;      /* of the input, which is padded */
  int64_t out_height, out_width, filters;
  int64_t filter_height, filter_width;          /* filter: [filters, channels/groups, height, width] */
  int64_t stride_height, stride_width, dilation_height, dilation_width, groups;
  int64_t in_image, in_row, in_pixel;           /* strides */
  int64_t out_image, out_row, out_pixel;
} ashlar_onednn_conv;

typedef struct ashlar_onednn_matmul {
  int64_t type;
  int64_t weights_key;
  int64_t batches, rows, depth, columns;
  int64_t lhs_batch, lhs_row;                   /* strides */
  int64_t rhs_batch, rhs_row;
  int64_t out_batch, out_row;
} ashlar_onednn_matmul;

/* Writes the sums of products, plus `bias` (one float a filter or column) unless it is null. */
void ashlar_onednn1_conv(const struct ashlar_args *args, const ashlar_onednn_conv *layer, const void *input,
                         const void *filter, const float *bias, void *output);
void ashlar_onednn1_matmul(const struct ashlar_args *args, const ashlar_onednn_matmul *layer, const void *lhs,
                           const void *rhs, const float *bias, void *output);

#ifdef __cplusplus
}
#endif
#endif
