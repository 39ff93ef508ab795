#include "compiler/import/upgrade/Upgrade.h"
namespace ashlar {
llvm::ArrayRef<Upgrade> recurrentUpgrades() { return {}; }
} // namespace ashlar
