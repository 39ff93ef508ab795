#include "compiler/import/upgrade/Upgrade.h"
namespace ashlar {
llvm::ArrayRef<Upgrade> elementwiseUpgrades() { return {}; }
} // namespace ashlar
