#include "compiler/import/upgrade/Upgrade.h"
namespace ashlar {
llvm::ArrayRef<Upgrade> normalizationUpgrades() { return {}; }
} // namespace ashlar
