// Older versions of operators to the newest form.
#ifndef ASHLAR_COMPILER_IMPORT_UPGRADE_UPGRADE_H
#define ASHLAR_COMPILER_IMPORT_UPGRADE_UPGRADE_H

#include "compiler/import/NodeBuilder.h"

namespace ashlar {

/// Brings a node to its newest form and makes its operations. Results are null
/// where the file wants none.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
upgradeAndBuild(NodeBuilder &b, ImportNode &node);

/// Rewrites a node of an older version in place, as far as its newest form can
/// say the same. Where operations have to follow the node's own, it builds all
/// of them itself and returns the results in `results`.
struct Upgrade {
  llvm::StringLiteral op;
  /// Versions of the operator below this one need it.
  int64_t below;
  mlir::LogicalResult (*apply)(NodeBuilder &b, ImportNode &node,
                               llvm::SmallVectorImpl<mlir::Value> &results);
};

/// One table a family; upgrades of one operator apply in the order given.
llvm::ArrayRef<Upgrade> elementwiseUpgrades();
llvm::ArrayRef<Upgrade> machineLearningUpgrades();
llvm::ArrayRef<Upgrade> normalizationUpgrades();
llvm::ArrayRef<Upgrade> poolingUpgrades();
llvm::ArrayRef<Upgrade> recurrentUpgrades();
llvm::ArrayRef<Upgrade> reductionUpgrades();
llvm::ArrayRef<Upgrade> resizeUpgrades();
llvm::ArrayRef<Upgrade> shapeUpgrades();
llvm::ArrayRef<Upgrade> softmaxUpgrades();

/// Takes a list attribute out and makes it an operand. Nothing happens when it
/// is absent.
void attributeToInput(NodeBuilder &b, ImportNode &node,
                      llvm::StringRef attribute, unsigned index);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_UPGRADE_UPGRADE_H
