//===- ashlar-opt.cpp - any pass, any stage -------------------------------===//
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

#include "compiler/pipeline/Stages.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  ashlar::registerDialects(registry);
  ashlar::registerPassesAndStages();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  return mlir::failed(
      mlir::MlirOptMain(argc, argv, "Ashlar passes and stages\n", registry));
}
