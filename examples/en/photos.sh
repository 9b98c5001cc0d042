#!/usr/bin/env bash
# From a folder of photographs, one folder inside for each class, to a classifier that answers over HTTP.
#
#     examples/en/photos.sh FOLDER            # your photographs: FOLDER/cat/*.jpg, FOLDER/dog/*.jpg ...
#     examples/en/photos.sh                   # none at hand: cut-outs of three public photographs, to practise with
#     SMALL=1 examples/en/photos.sh FOLDER    # a small net from scratch instead of a pretrained one: under a minute
#
# The run lands in runs/ of the current folder, pictures and the export in examples-out/.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
OUT=${OUT:-examples-out}
NAME=${NAME:-photos-$(date +%m%d-%H%M%S)}
PORT=${PORT:-8766}
step() { printf '\n== %s\n' "$*"; }
mkdir -p "$OUT"

FOLDER=${1:-$OUT/practice}
if [ $# -eq 0 ] && [ ! -d "$FOLDER" ]; then
    step "0. No folder given: photographs to practise with"
    "${PYTHON:-python}" "$HERE/../practice_photos.py" "$FOLDER"
fi
DATA="images:$FOLDER"
PHOTO=$(find "$FOLDER" -type f \( -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.png' \) | sort | sed -n 1p)

step "1. Look at the data: how many of each, copies, broken files, labels that look wrong"
tongsu data check "$DATA" skip_broken=true -o "$OUT/look.png"

step "2. Train"
if [ -n "${SMALL:-}" ]; then
    tongsu train cnn filters=8,8 frames=2 skip_broken=true --preset quick --data "$DATA" --name "$NAME"
else
    tongsu train resnet pretrained=efficientnet-lite0 skip_broken=true --data "$DATA" --name "$NAME"
fi

step "3. Evaluate: every class, how far its sureness can be trusted, and the worst errors as pictures"
tongsu evaluate "$NAME" -o "$OUT/evaluation"

step "4. Ask"
tongsu predict "$NAME" "$PHOTO"

step "5. Explain: where the net looks"
tongsu explain "$NAME" grad-cam "$PHOTO" -o "$OUT/where.png"

step "6. Export to ONNX: compared with the original on real inputs before it says yes"
tongsu export "$NAME" --to onnx -o "$OUT/onnx"

step "7. Serve, and ask with curl"
tongsu serve "$NAME" --port "$PORT" &
SERVER=$!
trap 'kill $SERVER 2>/dev/null; wait $SERVER 2>/dev/null || true' EXIT
curl -sf --retry 90 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$PORT/readyz" && echo
curl -sf "http://127.0.0.1:$PORT/predict" -F "file=@$PHOTO" && echo
kill $SERVER  # SIGTERM: what was accepted is answered first
wait $SERVER
trap - EXIT

step "Done. The model card: runs/$NAME/card.md (or in TONGSU_RUNS); pictures and export: $OUT"
