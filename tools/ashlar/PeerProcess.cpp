#include "tools/ashlar/PeerProcess.h"
#include "tools/ashlar/Arguments.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace ashlar::tool;
using llvm::StringRef;

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
  auto json = llvm::json::parse(*line);
  if (!json) {
    llvm::consumeError(json.takeError());
    return usageError("the peer of --against answered '" + *line +
                      "', expected {\"ms\":[...]}");
  }
  std::vector<double> times;
  if (auto *object = json->getAsObject())
    if (auto *list = object->getArray("ms"))
      for (const llvm::json::Value &value : *list)
        if (auto number = value.getAsNumber())
          times.push_back(*number);
  if (times.empty())
    return usageError("the peer of --against answered '" + *line +
                      "', expected {\"ms\":[...]}");
  return times;
}
