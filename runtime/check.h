/* Checks of run()'s arguments. Internal. */
#ifndef ASHLAR_CHECK_H
#define ASHLAR_CHECK_H

#include "ashlar_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The first variant that this CPU runs; null where there is none. */
const ashlar_variant_info *ashlar_select_variant(const ashlar_model_info *info);
/* Why there is none. */
ashlar_status ashlar_why_no_variant(const ashlar_model_info *info);

/* Version of the tables; values of the dims (null dims are allowed where the
 * model has none). */
ashlar_status ashlar_check_info(const ashlar_model_info *info,
                                ashlar_diagnostic *why);
ashlar_status ashlar_check_dims(const ashlar_model_info *info,
                                const int64_t *dims, ashlar_diagnostic *why);

/* Bytes of workspace from what ashlar_variant_info.shapes() wrote; SIZE_MAX
 * where they cannot be had. */
size_t ashlar_workspace_from_sizes(const int64_t *sizes, uint32_t workers);

/* Everything that run() is given, except the size of the structure. `sizes` has
 * room for 2 + num_output_dims values. */
ashlar_status ashlar_check_args(const ashlar_model_info *info,
                                const ashlar_variant_info *variant,
                                const ashlar_args *args, int64_t *sizes,
                                ashlar_diagnostic *why);

#ifdef __cplusplus
}
#endif
#endif
