//===- LocalModel.h - every layer on its own, in one model ----------------===//
#ifndef ASHLAR_COMPILER_COMPARISON_LOCALMODEL_H
#define ASHLAR_COMPILER_COMPARISON_LOCALMODEL_H

#include "compiler/comparison/LayerMatch.h"

#include <map>

namespace ashlar::comparison {

/// Cuts a model at matched tensors, so that each layer computes from given
/// values and not from what the layers before it made: what reads tensor N
/// reads the new input N instead, and what makes N is only looked at.
struct LocalModel {
  std::unique_ptr<ModelFile> model;
  /// What is observed of each match; empty: it could not be cut out.
  std::vector<std::string> observed;
  /// The inputs added, after the model's own: of which match, in this order.
  std::vector<int> fed;
};

/// `shapes`: of the matched tensors whose shape is known, by their name.
/// Tensors without one are not cut.
LocalModel
cutAtMatches(const ModelFile &test, const std::vector<MatchedTensor> &matches,
             const std::map<std::string, std::vector<int64_t>> &shapes);

} // namespace ashlar::comparison
#endif
