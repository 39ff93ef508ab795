//===- ArraySource.h - arrays that are read row by row --------------------===//
#ifndef ASHLAR_COMPILER_DATA_ARRAYSOURCE_H
#define ASHLAR_COMPILER_DATA_ARRAYSOURCE_H

#include "compiler/data/Npy.h"
#include "compiler/data/SampleStream.h"

namespace ashlar::data {

/// An array in a file. Rows are its slices along the first axis.
class ArraySource {
public:
  std::string name; // the file, and the member in it
  int32_t dtype = 0;
  /// The first is negative where only the end of the file tells.
  std::vector<int64_t> shape;

  /// Values of the next `rows` rows; fewer at the end, none after it. An array
  /// without axes is one row.
  llvm::Expected<std::vector<uint8_t>> read(int64_t rows);
  int64_t rowElements() const;

  friend llvm::Expected<std::unique_ptr<ArraySource>>
  openNpy(llvm::StringRef name, std::shared_ptr<ByteSource> bytes, bool last);
  friend llvm::Expected<std::unique_ptr<ArraySource>>
  openIdx(llvm::StringRef name, std::shared_ptr<ByteSource> bytes);
  friend llvm::Expected<std::unique_ptr<ArraySource>>
  openRaw(llvm::StringRef name, std::shared_ptr<ByteSource> bytes,
          int32_t dtype, llvm::ArrayRef<int64_t> record,
          const RawOptions &options);

private:
  llvm::Error finish();

  std::shared_ptr<ByteSource> bytes;
  int64_t left = 0; // rows; negative: until the end
  uint64_t rowBytes = 0, prefix = 0;
  bool bigEndian = false, last = true;
};

/// NumPy's file. `last`: nothing may follow it.
llvm::Expected<std::unique_ptr<ArraySource>>
openNpy(llvm::StringRef name, std::shared_ptr<ByteSource> bytes,
        bool last = true);

/// The format of MNIST: a rank, dimensions, values, all with the highest byte
/// first.
llvm::Expected<std::unique_ptr<ArraySource>>
openIdx(llvm::StringRef name, std::shared_ptr<ByteSource> bytes);

/// Records of this shape and nothing else.
llvm::Expected<std::unique_ptr<ArraySource>>
openRaw(llvm::StringRef name, std::shared_ptr<ByteSource> bytes, int32_t dtype,
        llvm::ArrayRef<int64_t> record, const RawOptions &options);

/// An array in memory.
llvm::Expected<std::unique_ptr<ArraySource>> openTensor(llvm::StringRef name,
                                                        const Tensor &tensor);

/// How an array is cut into samples.
struct Slicing {
  int64_t rows = 1;           // of the array that make a sample; 0: all
  std::vector<int64_t> shape; // of a sample; negative: its rows
};

/// How `array` gives samples of `spec`; an error where it does not. `batch` as
/// in SampleOptions.
llvm::Expected<Slicing> sliceArray(const ArraySource &array,
                                   const InputSpec &spec, int64_t batch);

} // namespace ashlar::data
#endif
