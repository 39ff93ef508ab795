//===- Cases.cpp - the cases of an ONNX backend test suite ----------------===//
#include "tools/ashlar-conformance/Cases.h"
#include "compiler/import/onnx.pb.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include <algorithm>
#include <set>

using namespace llvm;
namespace ashlar::conformance {

static Error unpack(StringRef archive, StringRef into) {
  if (std::error_code failure = sys::fs::create_directories(into))
    return createStringError(failure, "cannot create '" + into + "'");
  ErrorOr<std::string> tar = sys::findProgramByName("tar");
  if (!tar)
    return createStringError(tar.getError(), "program 'tar' not found");
  StringRef arguments[] = {"tar", "-C", into, "-xf", archive};
  std::string message;
  if (sys::ExecuteAndWait(*tar, arguments, std::nullopt, {}, 0, 0, &message))
    return createStringError("cannot unpack '" + archive + "' " + message);
  return Error::success();
}

static void collect(StringRef root, std::vector<Case> &cases) {
  std::error_code failure;
  for (sys::fs::recursive_directory_iterator at(root, failure), end;
       at != end && !failure; at.increment(failure)) {
    StringRef path = at->path();
    if (sys::path::filename(path) != "model.onnx")
      continue;
    StringRef folder = sys::path::parent_path(path);
    StringRef category = sys::path::filename(sys::path::parent_path(folder));
    cases.push_back(
        {(category + "/" + sys::path::filename(folder)).str(), folder.str()});
  }
}

Expected<std::vector<Case>> findCases(StringRef path, StringRef scratch) {
  SmallString<256> root;
  if (std::error_code failure = sys::fs::real_path(path, root))
    return createStringError(failure, "cannot read '" + path + "'");
  if (!sys::fs::is_directory(root)) {
    if (Error failure = unpack(root, scratch))
      return std::move(failure);
    root = scratch;
  }
  std::vector<Case> cases;
  collect(root, cases);
  std::sort(cases.begin(), cases.end(),
            [](const Case &a, const Case &b) { return a.name < b.name; });
  if (cases.empty())
    return createStringError("no model.onnx below '" + path + "'");
  return cases;
}

/// Adds the operators of `nodes` and of the graphs in their attributes.
static void
addOperators(const google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes,
             std::set<std::string> &operators) {
  for (const ::onnx::NodeProto &node : nodes) {
    bool own = node.domain().empty() || node.domain() == "ai.onnx";
    operators.insert(own ? node.op_type()
                         : node.domain() + "." + node.op_type());
    for (const ::onnx::AttributeProto &attribute : node.attribute())
      if (attribute.has_g())
        addOperators(attribute.g().node(), operators);
  }
}

std::vector<std::string> operatorsOf(const Case &test) {
  std::set<std::string> operators;
  ErrorOr<std::unique_ptr<MemoryBuffer>> file =
      MemoryBuffer::getFile(test.folder + "/model.onnx");
  ::onnx::ModelProto model;
  if (!file || !model.ParseFromArray((*file)->getBufferStart(),
                                     (*file)->getBufferSize()))
    return {};
  addOperators(model.graph().node(), operators);
  for (const ::onnx::FunctionProto &function : model.functions())
    addOperators(function.node(), operators);
  return {operators.begin(), operators.end()};
}

std::vector<std::string> findDataSets(const Case &test) {
  std::vector<std::string> folders;
  std::error_code failure;
  for (sys::fs::directory_iterator at(test.folder, failure), end;
       at != end && !failure; at.increment(failure))
    if (sys::path::filename(at->path()).starts_with("test_data_set_"))
      folders.push_back(at->path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

} // namespace ashlar::conformance
