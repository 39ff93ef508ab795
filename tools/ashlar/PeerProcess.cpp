#include "tools/ashlar/PeerProcess.h"
#include "compiler/data/JsonFile.h"
#include "tools/ashlar/Arguments.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

#include <cmath>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace ashlar::tool;
using llvm::StringRef;

// A word for the shell.
static std::string quoted(StringRef word) {
  std::string text = "'";
  for (char c : word)
    text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

llvm::Expected<std::string>
ashlar::tool::peerCommand(StringRef against, const Arguments &arguments) {
  if (against != "onednn")
    return against.str();
  if (arguments.valueOr("threads", "") != "1")
    return usageError("--against=onednn compares one thread: give --threads=1");
  // Beside this program where it is installed, in a folder of its own where
  // it is built.
  llvm::SmallString<256> folder(
      llvm::sys::path::parent_path(llvm::sys::fs::getMainExecutable(
          nullptr, reinterpret_cast<void *>(&peerCommand))));
  std::string program = (folder + "/ashlar-onednn").str();
  if (!llvm::sys::fs::can_execute(program))
    program = (folder + "/../ashlar-onednn/ashlar-onednn").str();
  if (!llvm::sys::fs::can_execute(program))
    return usageError("--against=onednn needs the program ashlar-onednn, which "
                      "is built where oneDNN (libdnnl-dev) is found");
  std::string command =
      quoted(program) + ' ' + quoted(arguments.positional().front());
  for (StringRef name : {"precision", "layer"})
    for (StringRef value : arguments.values(name))
      command += ' ' + quoted(("--" + name + "=" + value).str());
  return command;
}

llvm::Expected<std::unique_ptr<PeerProcess>>
PeerProcess::start(StringRef command) {
  signal(SIGPIPE, SIG_IGN);
  int in[2], out[2];
  if (pipe(in) || pipe(out))
    return usageError("cannot make a pipe to the peer");
  std::string text = command.str();
  pid_t child = fork();
  if (child == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    for (int end : {in[0], in[1], out[0], out[1]})
      close(end);
    execl("/bin/sh", "sh", "-c", text.c_str(), nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  std::unique_ptr<PeerProcess> peer(new PeerProcess);
  peer->process = child;
  peer->toPeer = fdopen(in[1], "w");
  peer->fromPeer = fdopen(out[0], "r");
  for (;;) {
    auto line = peer->readLine();
    if (!line)
      return line.takeError();
    if (StringRef(*line).contains("\"ready\""))
      return std::move(peer);
  }
}

PeerProcess::~PeerProcess() {
  if (toPeer)
    fclose(toPeer);
  if (fromPeer)
    fclose(fromPeer);
  if (process > 0)
    waitpid(process, nullptr, 0);
}

llvm::Expected<std::string> PeerProcess::readLine() {
  std::string line;
  int c;
  while ((c = fgetc(fromPeer)) != EOF && c != '\n')
    line += char(c);
  if (c == EOF && line.empty())
    return usageError("the peer of --against ended without an answer");
  return line;
}

llvm::Expected<std::vector<double>> PeerProcess::measure(unsigned runs) {
  fprintf(toPeer, "%u\n", runs);
  fflush(toPeer);
  auto line = readLine();
  if (!line)
    return line.takeError();
  auto json = data::parseJson(*line);
  if (!json) {
    llvm::consumeError(json.takeError());
    return usageError("the peer of --against answered '" + *line +
                      "', expected {\"ms\":[...]}");
  }
  std::vector<double> times;
  const llvm::json::Object *object = json->getAsObject();
  const llvm::json::Array *list = object ? object->getArray("ms") : nullptr;
  bool good = list && list->size() == runs;
  for (size_t i = 0; good && i != runs; ++i) {
    auto time = (*list)[i].getAsNumber();
    good = time && std::isfinite(*time) && *time > 0;
    times.push_back(time.value_or(0));
  }
  if (!good)
    return usageError("the peer of --against answered '" +
                      StringRef(*line).take_front(200) +
                      "', expected {\"ms\":[...]} with " + llvm::Twine(runs) +
                      " times of runs in milliseconds");
  return times;
}
