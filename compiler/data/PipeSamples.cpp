// Samples from a pipe: the .npy and .npz files that a program writes one after
// the other. A pipe has no end to start from, so archives are read by their
// local headers.
#include "compiler/data/InputStream.h"
#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

using namespace ashlar;
using namespace ashlar::data;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

constexpr StringRef localHeader("PK\x03\x04", 4), entryHeader("PK\x01\x02", 4),
    endHeader("PK\x05\x06", 4), end64Header("PK\x06\x06", 4),
    locatorHeader("PK\x06\x07", 4), descriptor("PK\x07\x08", 4);

static uint64_t number(StringRef bytes, size_t at, unsigned width) {
  uint64_t value = 0;
  for (unsigned i = 0; i != width; ++i)
    value |= uint64_t(uint8_t(bytes[at + i])) << (8 * i);
  return value;
}

static llvm::Expected<std::string> take(ByteSource &pipe, uint64_t size) {
  std::string bytes;
  if (Error error = readGrowing(pipe, size, bytes))
    return std::move(error);
  return bytes;
}

// What stands between a member of unknown size and the next header.
static Error skipDescriptor(ByteSource &pipe) {
  auto start = pipe.peek(28);
  if (!start)
    return start.takeError();
  size_t first = start->starts_with(descriptor) ? 8 : 4;
  for (size_t sizes : {8, 16}) {
    StringRef next = start->substr(first + sizes);
    if (next.starts_with(localHeader) || next.starts_with(entryHeader))
      return pipe.skip(first + sizes);
  }
  return makeError("zip archive is truncated or damaged");
}

// A whole array, wherever its bytes end.
static llvm::Expected<Tensor> readArray(std::shared_ptr<ByteSource> bytes,
                                        bool last) {
  auto array = openNpy("", std::move(bytes), last);
  if (!array)
    return array.takeError();
  auto values =
      (*array)->read((*array)->shape.empty() ? 1 : (*array)->shape.front());
  if (!values)
    return values.takeError();
  return Tensor{"", (*array)->dtype, (*array)->shape, std::move(*values), {}};
}

// The member whose local header is next.
static llvm::Expected<Tensor> readMember(std::shared_ptr<ByteSource> pipe) {
  auto header = take(*pipe, 30);
  if (!header)
    return header.takeError();
  unsigned flags = unsigned(number(*header, 6, 2)),
           method = unsigned(number(*header, 8, 2));
  auto name = take(*pipe, number(*header, 26, 2));
  if (!name)
    return name.takeError();
  if (Error error = pipe->skip(number(*header, 28, 2)))
    return std::move(error);
  if ((flags & 1) || (method != 0 && method != 8))
    return makeError("member '" + *name +
                     "' of the archive is encrypted or compressed in an "
                     "unknown way");
  std::shared_ptr<ByteSource> content = pipe;
  if (method == 8)
    content = inflateRaw(pipe);
  auto tensor = readArray(content, /*last=*/method == 8);
  if (!tensor)
    return makeError("member '" + *name +
                     "': " + llvm::toString(tensor.takeError()));
  if (flags & 8)
    if (Error error = skipDescriptor(*pipe))
      return std::move(error);
  StringRef stem(*name);
  stem.consume_back(".npy");
  tensor->name = stem.str();
  return tensor;
}

// An archive's directory, of which nothing is needed.
static Error skipDirectory(ByteSource &pipe) {
  for (;;) {
    auto start = pipe.peek(46);
    if (!start)
      return start.takeError();
    StringRef head = *start;
    if (head.starts_with(entryHeader) && head.size() == 46) {
      if (Error error = pipe.skip(46 + number(head, 28, 2) +
                                  number(head, 30, 2) + number(head, 32, 2)))
        return error;
    } else if (head.starts_with(end64Header) && head.size() >= 12) {
      uint64_t size = number(head, 4, 8);
      if (size > UINT32_MAX)
        break;
      if (Error error = pipe.skip(12 + size))
        return error;
    } else if (head.starts_with(locatorHeader)) {
      if (Error error = pipe.skip(20))
        return error;
    } else if (head.starts_with(endHeader) && head.size() >= 22) {
      return pipe.skip(22 + number(head, 20, 2));
    } else {
      break;
    }
  }
  return makeError("zip archive is truncated or damaged");
}

static llvm::Expected<std::vector<Tensor>>
readArchive(std::shared_ptr<ByteSource> pipe) {
  std::vector<Tensor> members;
  for (;;) {
    auto start = pipe->peek(4);
    if (!start)
      return start.takeError();
    if (*start != localHeader)
      break;
    auto member = readMember(pipe);
    if (!member)
      return member.takeError();
    members.push_back(std::move(*member));
  }
  if (Error error = skipDirectory(*pipe))
    return std::move(error);
  return members;
}

namespace {
class PipeStream : public SampleStream {
public:
  PipeStream(std::shared_ptr<ByteSource> pipe, ArrayRef<InputSpec> specs,
             const SampleOptions &options, std::function<void(StringRef)> note)
      : pipe(std::move(pipe)), specs(specs), batch(options.batch),
        note(std::move(note)) {}

  llvm::Expected<std::optional<Sample>> next() override {
    for (;;) {
      if (current) {
        auto sample = current->next();
        if (!sample)
          return sample.takeError();
        if (*sample) {
          (*sample)->name =
              "standard input (sample " + std::to_string(count++) + ")";
          return sample;
        }
        current.reset();
      }
      auto end = pipe->atEnd();
      if (!end)
        return fail(end.takeError());
      if (*end)
        return std::nullopt;
      if (Error error = openRecord())
        return fail(std::move(error));
    }
  }

private:
  Error fail(Error error) {
    std::string text = llvm::toString(std::move(error));
    StringRef(text).consume_front("standard input: error: ");
    return makeError("standard input: error: after " + Twine(count) +
                     " samples: " + text);
  }

  Error openRecord() {
    auto start = pipe->peek(2);
    if (!start)
      return start.takeError();
    std::vector<std::unique_ptr<InputStream>> inputs;
    Error error = *start == "PK" ? openArchive(inputs) : openArrays(inputs);
    if (error)
      return error;
    auto stream = zipInputs(std::move(inputs), specs, note);
    if (!stream)
      return stream.takeError();
    current = std::move(*stream);
    return Error::success();
  }

  Error addTensor(const Tensor &tensor, const InputSpec &spec,
                  std::vector<std::unique_ptr<InputStream>> &inputs) {
    auto array = openTensor("standard input", tensor);
    if (!array)
      return array.takeError();
    auto stream = streamArray(std::move(*array), spec, batch);
    if (!stream)
      return stream.takeError();
    inputs.push_back(std::move(*stream));
    return Error::success();
  }

  Error openArchive(std::vector<std::unique_ptr<InputStream>> &inputs) {
    auto members = readArchive(pipe);
    if (!members)
      return members.takeError();
    std::vector<std::string> names, unused;
    for (const Tensor &member : *members)
      names.push_back(member.name);
    Error problems = Error::success();
    std::vector<int> found = matchMembers(names, specs, unused, problems);
    if (problems)
      return problems;
    for (size_t i = 0; i != specs.size(); ++i)
      if (Error error = addTensor((*members)[found[i]], specs[i], inputs))
        return error;
    return Error::success();
  }

  // An array for each input, in order; that of an only input is not held in
  // memory.
  Error openArrays(std::vector<std::unique_ptr<InputStream>> &inputs) {
    if (specs.size() == 1) {
      auto array = openNpy("standard input", pipe, /*last=*/false);
      if (!array)
        return array.takeError();
      auto stream = streamArray(std::move(*array), specs[0], batch);
      if (!stream)
        return stream.takeError();
      inputs.push_back(std::move(*stream));
      return Error::success();
    }
    for (const InputSpec &spec : specs) {
      auto tensor = readArray(pipe, /*last=*/false);
      if (!tensor)
        return makeError("array for input '" + spec.name +
                         "': " + llvm::toString(tensor.takeError()));
      if (Error error = addTensor(*tensor, spec, inputs))
        return error;
    }
    return Error::success();
  }

  std::shared_ptr<ByteSource> pipe;
  std::vector<InputSpec> specs;
  int64_t batch;
  std::function<void(StringRef)> note;
  std::unique_ptr<SampleStream> current;
  uint64_t count = 0;
};
} // namespace

llvm::Expected<std::unique_ptr<SampleStream>>
data::streamPipe(std::shared_ptr<ByteSource> pipe, ArrayRef<InputSpec> specs,
                 const SampleOptions &options,
                 std::function<void(StringRef)> note) {
  return std::make_unique<PipeStream>(std::move(pipe), specs, options,
                                      std::move(note));
}
