#include "compiler/comparison/SameInterface.h"

#include "compiler/data/SampleStream.h"
#include "compiler/report/ModelDescription.h"

using namespace ashlar;
using namespace ashlar::comparison;
using data::InputSpec;
using llvm::StringRef;
using llvm::Twine;

static std::string typeText(const InputSpec &spec) {
  std::string text = dtypeName(spec.dtype).str() + " [";
  for (size_t axis = 0; axis != spec.shape.size(); ++axis)
    text += (axis ? "," : "") + (spec.shape[axis] < 0
                                     ? std::string("?")
                                     : std::to_string(spec.shape[axis]));
  return text + "]";
}

static bool agree(const InputSpec &a, const InputSpec &b) {
  if (a.dtype != b.dtype || a.shape.size() != b.shape.size())
    return false;
  for (size_t axis = 0; axis != a.shape.size(); ++axis)
    if (a.shape[axis] >= 0 && b.shape[axis] >= 0 &&
        a.shape[axis] != b.shape[axis])
      return false;
  return true;
}

llvm::Error comparison::checkSameInterface(StringRef referenceName,
                                           const ashlar_model_info &reference,
                                           StringRef testName,
                                           const ashlar_model_info &test) {
  std::string text;
  auto differs = [&](const Twine &what) {
    text +=
        text.empty()
            ? (testName + ": error: not a form of '" + referenceName + "': ")
                  .str()
            : std::string("; ");
    text += what.str();
  };
  auto count = [&](StringRef kind, uint32_t expected, uint32_t got) {
    if (expected != got)
      differs("it has " + Twine(got) + " " + kind + (got == 1 ? "" : "s") +
              ", expected " + Twine(expected));
    return expected == got;
  };
  if (count("input", reference.num_inputs, test.num_inputs)) {
    std::vector<InputSpec> expected = data::inputSpecs(reference),
                           got = data::inputSpecs(test);
    for (size_t i = 0; i != got.size(); ++i)
      if (!agree(expected[i], got[i]))
        differs("input '" + got[i].name + "' is " + typeText(got[i]) +
                ", expected " + typeText(expected[i]) + " as '" +
                expected[i].name + "'");
  }
  count("output", reference.num_outputs, test.num_outputs);
  return text.empty() ? llvm::Error::success() : llvm::createStringError(text);
}
