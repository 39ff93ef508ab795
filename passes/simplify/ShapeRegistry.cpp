#include "passes/simplify/ShapeRegistry.h"

using namespace ashlar::onnx;

ShapeRegistry::ShapeRegistry() {
  registerElementwiseShapes(*this);
  registerReductionShapes(*this);
  registerContractionShapes(*this);
  registerConvolutionShapes(*this);
  registerMovementShapes(*this);
  registerReshapeShapes(*this);
  registerIndexingShapes(*this);
  registerResizeShapes(*this);
  registerNormalizationShapes(*this);
  registerRecurrentShapes(*this);
  registerQuantizationShapes(*this);
  registerControlFlowShapes(*this);
  registerSequenceShapes(*this);
  registerAttentionShapes(*this);
  registerSignalShapes(*this);
  registerContributedShapes(*this);
  registerMachineLearningShapes(*this);
}

const ShapeRegistry &ShapeRegistry::get() {
  static const ShapeRegistry registry;
  return registry;
}
