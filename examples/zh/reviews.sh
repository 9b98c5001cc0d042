#!/usr/bin/env bash
# 从一张评论表，到一个能用 HTTP 提问的模型。每一步都是一条可以自己敲的命令。
#
#     examples/zh/reviews.sh              # 先看自己的 120 条评论，再用一万多条中文评论训练：两核机器上几分钟
#     SMALL=1 examples/zh/reviews.sh      # 只用自己的评论训练一个小网络：不到一分钟，指标也低
#
# 训练记录放在当前文件夹的 runs/ 里，图片和导出的文件放在 examples-out/ 里。
# 想换成自己的表，改 DATA 就行：每行一段文字、一个标签。
set -euo pipefail
export TONGSU_LANG=zh
HERE=$(cd "$(dirname "$0")" && pwd)
OUT=${OUT:-examples-out}
NAME=${NAME:-饭馆-$(date +%m%d-%H%M%S)}
PORT=${PORT:-8767}
DATA="table:$HERE/reviews.csv?text=评论&label=评价"
step() { printf '\n== %s\n' "$*"; }
mkdir -p "$OUT"

step "1. 看数据：有多少、有多长、有什么毛病、会怎么训练"
tongsu data check "$DATA" -o "$OUT/look.png"

step "2. 用自己的评论训练。120 条太少，别指望太准"
tongsu train rnn cell=gru hidden=16 embedding=16 frames=2 --preset quick --data "$DATA" --name "$NAME"

if [ -z "${SMALL:-}" ]; then
    step "2+. 换成一万多条现成的中文评论（第一次会下载）"
    NAME="$NAME-大"
    tongsu train rnn cell=gru --data reviews-zh --name "$NAME"
fi

step "3. 评估：每一类有多准、把握能不能信、最离谱的错误是哪些"
tongsu evaluate "$NAME" -o "$OUT/evaluation"

step "4. 提问：表里没有的句子"
tongsu predict "$NAME" "服务员很热情，汤也好喝。" "菜是凉的，态度还差，不会再来。"

step "5. 解释：哪些词起了作用"
tongsu explain "$NAME" integrated-gradients "菜是凉的，不过服务员很热情。" -o "$OUT/words.png"

step "6. 导出为 ONNX：先用真实的输入和原模型对比，一致才算成功"
tongsu export "$NAME" --to onnx -o "$OUT/onnx"

step "7. 开服务，用 curl 提问"
tongsu serve "$NAME" --port "$PORT" &
SERVER=$!
trap 'kill $SERVER 2>/dev/null; wait $SERVER 2>/dev/null || true' EXIT
curl -sf --retry 90 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$PORT/readyz" && echo
curl -sf "http://127.0.0.1:$PORT/predict" -H 'content-type: application/json' \
    -d '{"inputs": ["味道很好，下次还来。", "等了一个小时，没人理。"]}' && echo
kill $SERVER  # SIGTERM：先答完已接受的请求，再退出
wait $SERVER
trap - EXIT

step "完成。模型卡片在 runs/$NAME/card.md（或 TONGSU_RUNS 里）；图片和导出的文件在 $OUT"
