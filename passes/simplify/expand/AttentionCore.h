// Steps that the attention operators of all domains share. Heads are [batch,
// heads, length, size].
#ifndef ASHLAR_PASSES_SIMPLIFY_EXPAND_ATTENTIONCORE_H
#define ASHLAR_PASSES_SIMPLIFY_EXPAND_ATTENTIONCORE_H

#include "passes/simplify/expand/GraphBuilder.h"

namespace ashlar::onnx {

// [batch, length, heads * size] to heads and back.
mlir::Value splitHeads(GraphBuilder &g, mlir::Value x, int64_t heads);
mlir::Value mergeHeads(GraphBuilder &g, mlir::Value x);
// Every head `times` times in a row, for queries that share keys.
mlir::Value repeatHeads(GraphBuilder &g, mlir::Value x, int64_t heads,
                        int64_t times);
// 0 where allowed, minus infinity elsewhere.
mlir::Value maskToBias(GraphBuilder &g, mlir::Value allowed,
                       mlir::Type element);
// Softmax over the last axis; with `mayBeEmpty`, rows of minus infinity become
// zeros.
mlir::Value softmaxGuarded(GraphBuilder &g, mlir::Value scores,
                           bool mayBeEmpty);
// Rotary embedding of heads by caches that broadcast to [batch, heads, length,
// rotated / 2].
mlir::Value rotate(GraphBuilder &g, mlir::Value x, mlir::Value cos,
                   mlir::Value sin, int64_t rotated, int64_t size,
                   bool interleaved);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_EXPAND_ATTENTIONCORE_H
