// Serialised models and the files beside them.
#include "ImportTest.h"
#include "compiler/import/onnx.pb.h"
#include "google/protobuf/text_format.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fstream>

namespace ashlar {
namespace {

using testing::HasSubstr;

std::string serialised(const std::string &text) {
  ::onnx::ModelProto model;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &model));
  return model.SerializeAsString();
}

Imported importBytes(const std::string &bytes) {
  return importWith([&](mlir::MLIRContext &context) {
    return importModelFromMemory(context, bytes, "test.onnx", "");
  });
}

std::string addModel(const std::string &initializer) {
  return modelOf(18, inputOf("x", 1, "300") + outputOf("y") +
                         "initializer { name: 'w' " + initializer + " }" +
                         nodeOf("Add", "x,w", "y"));
}

std::string rawFloats(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) {
    float value = float(i);
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
  }
  return bytes;
}

llvm::ArrayRef<char> resourceBytes(Imported &model) {
  llvm::ArrayRef<char> bytes;
  model.module->walk([&](mlir::Operation *op) {
    if (auto value =
            op->getAttrOfType<mlir::DenseResourceElementsAttr>("value"))
      bytes = value.getRawHandle().getBlob()->getData();
  });
  return bytes;
}

/// A folder that goes with its contents.
class Folder {
public:
  Folder() { llvm::sys::fs::createUniqueDirectory("ashlar-import", path); }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
  std::string at(llvm::StringRef name) const {
    llvm::SmallString<128> full(path);
    llvm::sys::path::append(full, name);
    return full.str().str();
  }
  void write(llvm::StringRef name, const std::string &bytes) const {
    llvm::sys::fs::create_directories(llvm::sys::path::parent_path(at(name)));
    std::ofstream(at(name), std::ios::binary) << bytes;
  }

  llvm::SmallString<128> path;
};

Imported importFile(const std::string &path) {
  return importWith(
      [&](mlir::MLIRContext &context) { return importModel(context, path); });
}

TEST(ModelFileTest, LargeTensorsOfSerialisedModels) {
  ::onnx::ModelProto model;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      addModel("data_type: 1 dims: 300"), &model));
  model.mutable_graph()->mutable_initializer(0)->set_raw_data(rawFloats(300));
  Imported imported = importBytes(model.SerializeAsString());
  ASSERT_TRUE(imported.module) << imported.print();
  EXPECT_EQ(resourceBytes(imported),
            llvm::ArrayRef<char>(rawFloats(300).data(), 1200));
  model.mutable_graph()->mutable_initializer(0)->set_raw_data(rawFloats(299));
  EXPECT_EQ(importBytes(model.SerializeAsString()).message(),
            "w: tensor data has 1196 bytes, but 'tensor<300xf32>' needs 1200");
}

TEST(ModelFileTest, UnknownFieldsAreTolerated) {
  std::string bytes = serialised(modelOf(
      18, inputOf("x", 1, "2") + outputOf("y") + nodeOf("Relu", "x", "y")));
  // Field 1000, a string; field 1001, a number.
  bytes += std::string("\xc2\x3e\x01z\xc8\x3e\x07", 7);
  EXPECT_TRUE(importBytes(bytes).module) << importBytes(bytes).print();
}

TEST(ModelFileTest, EveryTruncationIsReported) {
  std::string bytes =
      serialised(addModel("data_type: 1 dims: 2 float_data: [1, 2]"));
  for (size_t length = 0; length < bytes.size(); ++length) {
    Imported model = importBytes(bytes.substr(0, length));
    EXPECT_FALSE(model.module) << length;
    EXPECT_FALSE(model.messages.empty()) << length;
  }
}

TEST(ModelFileTest, PrivateFieldsOfTheFileAreIgnored) {
  ::onnx::ModelProto model;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      addModel("data_type: 1 dims: 300"), &model));
  model.mutable_graph()->mutable_initializer(0)->set_mapped_offset(0);
  model.mutable_graph()->mutable_initializer(0)->set_mapped_length(1200);
  EXPECT_EQ(importBytes(model.SerializeAsString()).message(),
            "w: tensor data has 0 bytes, but 'tensor<300xf32>' needs 1200");
}

TEST(ModelFileTest, OtherFilesAreNoModels) {
  EXPECT_THAT(importBytes("\x7f"
                          "ELF\x02\x01\x01")
                  .message(),
              HasSubstr("not a well-formed ONNX file"));
  EXPECT_EQ(importBytes("").message(), ": the file is empty");
  Folder folder;
  EXPECT_THAT(importFile(folder.at("nothing.onnx")).message(),
              HasSubstr("No such file"));
  EXPECT_THAT(importFile(folder.path.str().str()).message(),
              HasSubstr("not a regular file"));
}

std::string external(const std::string &location,
                     const std::string &rest = "") {
  return addModel("data_type: 1 dims: 300 data_location: EXTERNAL "
                  "external_data { key: 'location' value: '" +
                  location + "' }" + rest);
}

TEST(ModelFileTest, ExternalData) {
  Folder folder;
  folder.write("weights/w.bin", "skip" + rawFloats(300));
  std::string place = "external_data { key: 'offset' value: '4' } "
                      "external_data { key: 'length' value: '1200' }";
  folder.write("model.onnx", serialised(external("weights/w.bin", place)));
  Imported model = importFile(folder.at("model.onnx"));
  ASSERT_TRUE(model.module) << model.print();
  EXPECT_EQ(resourceBytes(model),
            llvm::ArrayRef<char>(rawFloats(300).data(), 1200));
}

TEST(ModelFileTest, ExternalDataStaysInTheFolder) {
  Folder folder, elsewhere;
  elsewhere.write("w.bin", rawFloats(300));
  folder.write("w.bin", rawFloats(300));
  auto message = [&](const std::string &location,
                     const std::string &rest = "") {
    folder.write("m/model.onnx", serialised(external(location, rest)));
    return importFile(folder.at("m/model.onnx")).message();
  };
  EXPECT_THAT(message("../w.bin"), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(message("a/../../w.bin"), HasSubstr("leaves the model's folder"));
  EXPECT_THAT(message(elsewhere.at("w.bin")),
              HasSubstr("only a relative path"));
  EXPECT_THAT(message(""), HasSubstr("without a location"));
  EXPECT_THAT(message("missing.bin"), HasSubstr("No such file"));
  ASSERT_FALSE(llvm::sys::fs::create_link(elsewhere.at("w.bin"),
                                          folder.at("m/link.bin")));
  EXPECT_THAT(message("link.bin"), HasSubstr("leaves the model's folder"));
  // A sibling folder whose name begins alike.
  folder.write("m2/w.bin", rawFloats(300));
  ASSERT_FALSE(llvm::sys::fs::create_link(folder.at("m2/w.bin"),
                                          folder.at("m/sibling.bin")));
  EXPECT_THAT(message("sibling.bin"), HasSubstr("leaves the model's folder"));
  // A link inside of the folder is fine.
  folder.write("m/w.bin", rawFloats(300));
  ASSERT_FALSE(llvm::sys::fs::create_link(folder.at("m/w.bin"),
                                          folder.at("m/inside.bin")));
  folder.write("m/model.onnx", serialised(external("inside.bin")));
  EXPECT_TRUE(importFile(folder.at("m/model.onnx")).module);
}

// Caches of downloads keep files under other names in one folder, and links to
// them in another.
TEST(ModelFileTest, ExternalDataBesideALinkedModel) {
  Folder cache, folder;
  cache.write("1234", serialised(external("w.bin")));
  cache.write("5678", rawFloats(300));
  cache.write("other/5678", rawFloats(300));
  ASSERT_FALSE(
      llvm::sys::fs::create_link(cache.at("1234"), folder.at("model.onnx")));
  ASSERT_FALSE(
      llvm::sys::fs::create_link(cache.at("5678"), folder.at("w.bin")));
  EXPECT_TRUE(importFile(folder.at("model.onnx")).module);
  ASSERT_FALSE(llvm::sys::fs::remove(folder.at("w.bin")));
  ASSERT_FALSE(
      llvm::sys::fs::create_link(cache.at("other/5678"), folder.at("w.bin")));
  EXPECT_THAT(importFile(folder.at("model.onnx")).message(),
              HasSubstr("leaves the model's folder"));
}

TEST(ModelFileTest, ExternalDataBounds) {
  Folder folder;
  folder.write("w.bin", rawFloats(300));
  auto message = [&](const std::string &rest) {
    folder.write("model.onnx", serialised(external("w.bin", rest)));
    return importFile(folder.at("model.onnx")).message();
  };
  auto entry = [](const std::string &key, const std::string &value) {
    return " external_data { key: '" + key + "' value: '" + value + "' }";
  };
  EXPECT_THAT(message(entry("offset", "4")),
              HasSubstr("has 1200 bytes, but 1200 at offset 4"));
  EXPECT_THAT(message(entry("offset", "18446744073709551615")),
              HasSubstr("are asked for"));
  EXPECT_THAT(message(entry("offset", "-1")),
              HasSubstr("offset '-1' is not a number"));
  EXPECT_THAT(message(entry("length", "many")),
              HasSubstr("length 'many' is not a number"));
  EXPECT_THAT(message(entry("length", "1199")),
              HasSubstr("has 1199 bytes, but its type and shape need 1200"));
}

TEST(ModelFileTest, TextFormatByName) {
  Folder folder;
  std::string text = modelOf(18, inputOf("x", 1, "2") + outputOf("y") +
                                     nodeOf("Relu", "x", "y"));
  folder.write("model.textproto", "# a comment\n" + text);
  EXPECT_TRUE(importFile(folder.at("model.textproto")).module);
  folder.write("model.onnx", text);
  EXPECT_THAT(importFile(folder.at("model.onnx")).message(),
              HasSubstr("not a well-formed ONNX file"));
  folder.write("broken.textproto", "ir_version: 8\ngraph { nodes { } }");
  EXPECT_THAT(importFile(folder.at("broken.textproto")).message(),
              HasSubstr("line 2, column"));
}

} // namespace
} // namespace ashlar
