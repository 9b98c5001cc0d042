#!/usr/bin/env bash
# 从一个照片文件夹（每一类一个子文件夹），到一个能用 HTTP 提问的分类器。
#
#     examples/zh/photos.sh 文件夹            # 自己的照片：文件夹/猫/*.jpg、文件夹/狗/*.jpg……
#     examples/zh/photos.sh                   # 手头没有照片：用三张公开照片裁成的小图练手
#     SMALL=1 examples/zh/photos.sh 文件夹    # 不用预训练网络，从头训练一个小网络：不到一分钟
#
# 训练记录放在当前文件夹的 runs/ 里，图片和导出的文件放在 examples-out/ 里。
set -euo pipefail
export TONGSU_LANG=zh
HERE=$(cd "$(dirname "$0")" && pwd)
OUT=${OUT:-examples-out}
NAME=${NAME:-照片-$(date +%m%d-%H%M%S)}
PORT=${PORT:-8768}
step() { printf '\n== %s\n' "$*"; }
mkdir -p "$OUT"

FOLDER=${1:-$OUT/practice}
if [ $# -eq 0 ] && [ ! -d "$FOLDER" ]; then
    step "0. 没有给文件夹：准备练手用的照片"
    "${PYTHON:-python}" "$HERE/../practice_photos.py" "$FOLDER"
fi
DATA="images:$FOLDER"
PHOTO=$(find "$FOLDER" -type f \( -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.png' \) | sort | sed -n 1p)

step "1. 看数据：每类有多少、有没有重复和坏图、哪些标签可疑"
tongsu data check "$DATA" skip_broken=true -o "$OUT/look.png"

step "2. 训练"
if [ -n "${SMALL:-}" ]; then
    tongsu train cnn filters=8,8 frames=2 skip_broken=true --preset quick --data "$DATA" --name "$NAME"
else
    tongsu train resnet pretrained=efficientnet-lite0 skip_broken=true --data "$DATA" --name "$NAME"
fi

step "3. 评估：每一类有多准、把握能不能信、最离谱的错误是哪些图"
tongsu evaluate "$NAME" -o "$OUT/evaluation"

step "4. 提问"
tongsu predict "$NAME" "$PHOTO"

step "5. 解释：网络在看哪里"
tongsu explain "$NAME" grad-cam "$PHOTO" -o "$OUT/where.png"

step "6. 导出为 ONNX：先用真实的输入和原模型对比，一致才算成功"
tongsu export "$NAME" --to onnx -o "$OUT/onnx"

step "7. 开服务，用 curl 提问"
tongsu serve "$NAME" --port "$PORT" &
SERVER=$!
trap 'kill $SERVER 2>/dev/null; wait $SERVER 2>/dev/null || true' EXIT
curl -sf --retry 90 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$PORT/readyz" && echo
curl -sf "http://127.0.0.1:$PORT/predict" -F "file=@$PHOTO" && echo
kill $SERVER  # SIGTERM：先答完已接受的请求，再退出
wait $SERVER
trap - EXIT

step "完成。模型卡片在 runs/$NAME/card.md（或 TONGSU_RUNS 里）；图片和导出的文件在 $OUT"
