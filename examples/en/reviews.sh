#!/usr/bin/env bash
# From a table of reviews to a model that answers over HTTP. Each step is a command that can be typed by hand.
#
#     examples/en/reviews.sh              # MiniLM goes on learning from our 120 reviews: minutes on two cores
#     SMALL=1 examples/en/reviews.sh      # a small net from scratch: under a minute, and poor figures
#
# The run lands in runs/ of the current folder, pictures and the export in examples-out/.
# To use a table of your own, change DATA: a file with one text and one label in each row.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
OUT=${OUT:-examples-out}
NAME=${NAME:-cafe-$(date +%m%d-%H%M%S)}
PORT=${PORT:-8769}
DATA="table:$HERE/reviews.csv?text=review&label=label"
step() { printf '\n== %s\n' "$*"; }
mkdir -p "$OUT"

step "1. Look at the data: how much, how long, what is wrong, what would be done"
tongsu data check "$DATA" -o "$OUT/look.png"

step "2. Train. 120 reviews are few: even a pretrained network gets about three of four right"
if [ -n "${SMALL:-}" ]; then
    tongsu train rnn cell=gru hidden=16 embedding=16 frames=2 --preset quick --data "$DATA" --name "$NAME"
else
    tongsu train transformer pretrained=minilm --data "$DATA" --name "$NAME"
fi

step "3. Evaluate: every class, how far its sureness can be trusted, and the worst errors"
tongsu evaluate "$NAME" -o "$OUT/evaluation"

step "4. Ask, in words that are not in the table"
tongsu predict "$NAME" "The waiter was friendly and the soup was wonderful." "Cold food, rude staff, never again."

step "5. Explain: which words speak for the answer"
tongsu explain "$NAME" integrated-gradients "The soup was cold but the waiter was friendly." -o "$OUT/words.png"

step "6. Export to ONNX: compared with the original on real inputs before it says yes"
tongsu export "$NAME" --to onnx -o "$OUT/onnx"

step "7. Serve, and ask with curl"
tongsu serve "$NAME" --port "$PORT" &
SERVER=$!
trap 'kill $SERVER 2>/dev/null; wait $SERVER 2>/dev/null || true' EXIT
curl -sf --retry 90 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$PORT/readyz" && echo
curl -sf "http://127.0.0.1:$PORT/predict" -H 'content-type: application/json' \
    -d '{"inputs": ["A quiet corner and wonderful coffee.", "The bill was wrong and nobody cared."]}' && echo
kill $SERVER  # SIGTERM: what was accepted is answered first
wait $SERVER
trap - EXIT

step "Done. The model card: runs/$NAME/card.md (or in TONGSU_RUNS); pictures and export: $OUT"
