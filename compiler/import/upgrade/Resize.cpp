#include "compiler/import/upgrade/Upgrade.h"
namespace ashlar {
llvm::ArrayRef<Upgrade> resizeUpgrades() { return {}; }
} // namespace ashlar
