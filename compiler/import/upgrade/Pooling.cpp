#include "compiler/import/upgrade/Upgrade.h"
namespace ashlar {
llvm::ArrayRef<Upgrade> poolingUpgrades() { return {}; }
} // namespace ashlar
