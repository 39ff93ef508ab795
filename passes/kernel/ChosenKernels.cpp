//===- ChosenKernels.cpp - what computes a contraction, for the tables ----===//
#include "passes/kernel/ChosenKernels.h"

#include "passes/kernel/Passes.h"

using namespace mlir;

void ashlar::recordKernel(OpBuilder &builder, Location loc,
                          StringRef instructions, StringRef reason) {
  Operation *function = builder.getInsertionBlock()->getParentOp();
  if (!isa<func::FuncOp>(function))
    function = function->getParentOfType<func::FuncOp>();
  if (!function)
    return;
  SmallVector<Attribute> entries;
  if (auto known = function->getAttrOfType<ArrayAttr>(kChosenKernelsAttrName))
    entries.append(known.begin(), known.end());
  entries.push_back(builder.getArrayAttr({LocationAttr(loc),
                                          builder.getStringAttr(instructions),
                                          builder.getStringAttr(reason)}));
  function->setAttr(kChosenKernelsAttrName, builder.getArrayAttr(entries));
}
