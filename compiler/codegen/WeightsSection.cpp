//===- WeightsSection.cpp - an ELF section for the weights ----------------===//
//
// LLVM writes the code with a small placeholder section and an undefined
// symbol. Here the section's header is pointed at the end of the file, where
// the weights follow, and the symbol is defined in it. So the weights never
// pass through LLVM, which would need many times their size.
//
//===----------------------------------------------------------------------===//
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include "compiler/codegen/Codegen.h"

using namespace llvm;
using namespace ashlar;

namespace {

using ElfFile = object::ELFFile<object::ELF64LE>;
using Header = object::ELF64LE::Shdr;
using Symbol = object::ELF64LE::Sym;

constexpr uint64_t kPageAlignment = 64;

} // namespace

Error ashlar::placeWeightsSection(SmallVector<char, 0> &code, StringRef symbol,
                                  uint64_t size, uint64_t &weightsAt) {
  weightsAt = alignTo(code.size(), kPageAlignment);
  Expected<ElfFile> file = ElfFile::create(StringRef(code.data(), code.size()));
  if (!file)
    return file.takeError();
  Expected<ElfFile::Elf_Shdr_Range> sections = file->sections();
  if (!sections)
    return sections.takeError();

  // Headers and symbols lie in `code`, which is ours to change.
  Header *placeholder = nullptr;
  uint32_t placeholderIndex = 0;
  Symbol *weights = nullptr;
  for (const Header &section : *sections) {
    Expected<StringRef> name = file->getSectionName(section);
    if (!name)
      return name.takeError();
    if (*name == ".rodata.ashlar_weights") {
      placeholder = const_cast<Header *>(&section);
      placeholderIndex = &section - sections->begin();
    }
    if (section.sh_type != ELF::SHT_SYMTAB)
      continue;
    Expected<StringRef> strings = file->getStringTableForSymtab(section);
    auto symbols = file->symbols(&section);
    if (!strings || !symbols)
      return joinErrors(strings.takeError(), symbols.takeError());
    for (const Symbol &candidate : *symbols) {
      Expected<StringRef> symbolName = candidate.getName(*strings);
      if (!symbolName)
        return symbolName.takeError();
      if (*symbolName == symbol)
        weights = const_cast<Symbol *>(&candidate);
    }
  }
  if (!placeholder)
    return createStringError("the object has no section for the weights");
  // An empty section may not lie behind the end of the file.
  placeholder->sh_offset = size ? weightsAt : code.size();
  placeholder->sh_size = size;
  if (!weights)
    return Error::success(); // the code needs no constant data
  weights->st_shndx = placeholderIndex;
  weights->st_value = 0;
  weights->st_size = size;
  weights->setType(ELF::STT_OBJECT);
  return Error::success();
}

ObjectImage::ObjectImage(SmallVector<char, 0> code, WeightsImage weights,
                         bool embedWeights)
    : code(std::move(code)),
      weightsAt(alignTo(this->code.size(), kPageAlignment)),
      embedWeights(embedWeights), weights(std::move(weights)) {}

uint64_t ObjectImage::size() const {
  return embedWeights ? weightsAt + weights.size() : code.size();
}

void ObjectImage::write(raw_ostream &out) const {
  out.write(code.data(), code.size());
  if (!embedWeights)
    return;
  out.write_zeros(weightsAt - code.size());
  weights.write(out);
}

std::unique_ptr<MemoryBuffer> ObjectImage::toBuffer() const {
  auto buffer = WritableMemoryBuffer::getNewUninitMemBuffer(size(), "model.o");
  if (!buffer)
    return nullptr;
  class FixedStream : public raw_ostream {
  public:
    explicit FixedStream(char *at) : raw_ostream(true), at(at) {}
    void write_impl(const char *data, size_t size) override {
      std::memcpy(at + position, data, size);
      position += size;
    }
    uint64_t current_pos() const override { return position; }
    char *at;
    uint64_t position = 0;
  };
  FixedStream stream(buffer->getBufferStart());
  write(stream);
  return buffer;
}
