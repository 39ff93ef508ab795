//===- DataFiles.h - inputs and expectations from files -------------------===//
#ifndef ASHLAR_COMPILER_DATA_DATAFILES_H
#define ASHLAR_COMPILER_DATA_DATAFILES_H

#include "compiler/data/Tensor.h"

namespace ashlar::data {

/// What a raw file holds: only the reader knows.
struct RawLayout {
  int32_t dtype = 0;
  std::vector<int64_t> shape; // negative: not known
};

/// Reads the tensors of one file: .pb (one), .npy (one), .npz (one a member,
/// named), .bin or .raw (one, of the layout given). Errors name the file.
llvm::Expected<std::vector<Tensor>> readDataFile(llvm::StringRef path,
                                                 const RawLayout &raw = {});

/// An ONNX test folder: input_K.pb and output_K.pb, numbered without gaps.
/// .npy and .npz in the place of .pb are read as well.
struct TestData {
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
};
llvm::Expected<TestData> readTestFolder(llvm::StringRef folder);

/// Seeded inputs: the same seed gives the same values everywhere. Floats are
/// normal, small integers cover their range, booleans are tossed, wide integers
/// (usually indices) are 0 or 1.
Tensor randomTensor(llvm::StringRef name, int32_t dtype,
                    std::vector<int64_t> shape, uint64_t seed);

} // namespace ashlar::data
#endif
