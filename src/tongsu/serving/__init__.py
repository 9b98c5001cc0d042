"""Runs answer over HTTP: `tongsu serve RUN...`.

    supervisor.py  opens the port, starts the workers, brings a dead one back, and stops them gently
    worker.py      one process: models, queue and HTTP
    app.py         the routes; limits and errors; documents, health, metrics, and a page for trying
    inputs.py      from a request's body to what a model reads
    batcher.py     requests that come together are answered together
    answering.py   one model and what runs it: PyTorch or ONNX Runtime

No pickle comes over a wire, no address is fetched for a client, and no model can be uploaded.
"""
