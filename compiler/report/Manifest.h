//===- Manifest.h - the JSON manifest of a compiled model -----------------===//
#ifndef ASHLAR_COMPILER_REPORT_MANIFEST_H
#define ASHLAR_COMPILER_REPORT_MANIFEST_H

#include "compiler/report/ModelDescription.h"

namespace ashlar {

/// The manifest of `model` as indented JSON: hashes, tensors, variants and the
/// table of layers. The same model gives the same text on every machine.
std::string writeManifest(const ModelDescription &model);

} // namespace ashlar
#endif
