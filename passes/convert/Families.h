// The operator families of the conversion; Families.inc lists them.
#ifndef ASHLAR_PASSES_CONVERT_FAMILIES_H
#define ASHLAR_PASSES_CONVERT_FAMILIES_H

#include "passes/convert/OnnxTypeConverter.h"

namespace ashlar {

#define FAMILY(NAME)                                                           \
  void populate##NAME##Patterns(const OnnxTypeConverter &converter,            \
                                mlir::RewritePatternSet &patterns);
#include "passes/convert/Families.inc"
#undef FAMILY

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_FAMILIES_H
