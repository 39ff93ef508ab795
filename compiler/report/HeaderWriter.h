//===- HeaderWriter.h - the typed C header of a compiled model ------------===//
#ifndef ASHLAR_COMPILER_REPORT_HEADERWRITER_H
#define ASHLAR_COMPILER_REPORT_HEADERWRITER_H

#include "compiler/report/ModelDescription.h"

namespace ashlar {

/// The header of `model` as text: C99 and C++17, needing only ashlar_rt.h. All
/// cNames must have been assigned.
std::string writeHeader(const ModelDescription &model);

/// "[batch,3,224,224]": symbols by name, "?" for what depends on data.
std::string shapeText(const ModelDescription &model,
                      const TensorDescription &tensor);

} // namespace ashlar
#endif
